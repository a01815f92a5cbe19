"""``python -m nnscratch``: the same as the command ``nnscratch``."""

from nnscratch_start import main

raise SystemExit(main())
