"""Layers, each with its own explicit `forward` and `backward`."""
