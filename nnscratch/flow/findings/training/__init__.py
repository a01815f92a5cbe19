"""Causes in how it is trained: the loop, steps, rates, what holds it down or is too few."""
