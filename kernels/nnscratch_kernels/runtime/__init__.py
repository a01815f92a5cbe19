"""How kernels are run: operations, programs of them, schedules, and the threads that share them."""
