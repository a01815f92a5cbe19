"""For the whole suite: Ctrl-C is what it is on a terminal, also where a shell ignores it."""

import signal

# A command in the background of a script inherits that SIGINT is ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
