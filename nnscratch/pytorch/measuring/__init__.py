"""Which tensors of a network are recorded, and how they are measured on the CPU and on a GPU."""
