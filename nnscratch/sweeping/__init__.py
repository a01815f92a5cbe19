"""Sweeps: many trainings, in processes here or on other machines, and one table of them."""

from nnscratch.sweeping.sweep import Sweep, sweep

__all__ = ["Sweep", "sweep"]
