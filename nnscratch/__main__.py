"""``python -m nnscratch``: the same as the command ``nnscratch``."""

from nnscratch.cli import main

raise SystemExit(main())
