"""Causes in the network, and what its gradient and its units show."""
