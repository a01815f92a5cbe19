"""The readable kernels: plain NumPy, the definition of each operation."""

from nnscratch_kernels.names import kernels_of

globals().update(kernels_of(__name__))
__all__ = [*kernels_of(__name__)]
