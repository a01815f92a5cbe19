"""For the whole suite: Ctrl-C is what it is on a terminal, also where a shell ignores it; and files
of tests that run side by side do not each wait for all processors."""

import os
import signal
import sys

import pytest

# A command in the background of a script inherits that SIGINT is ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# NumPy's products and PyTorch: several processes with as many threads as there are processors each
# take ten times as long as with one. Read when they are imported, by what tests start as well.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Have a process that runs tests beside others write down what it has reached: it is given ten
    seconds to end.
    """
    coverage = sys.modules.get("coverage")
    current = coverage.Coverage.current() if coverage else None
    if current is not None and hasattr(session.config, "workerinput"):
        current.save()
