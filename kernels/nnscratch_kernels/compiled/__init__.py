"""The fast kernels: Numba, the same names and signatures as `reference`."""

from nnscratch_kernels.jit import announce
from nnscratch_kernels.names import kernels_of

announce.listen()
globals().update(kernels_of(__name__))
__all__ = [*kernels_of(__name__)]
