"""The loss of somebody else's loop: heard as it is computed, read in autograd's graph."""
