"""Networks copied from PyTorch into this engine and back: `from_torch`, `to_torch`."""
