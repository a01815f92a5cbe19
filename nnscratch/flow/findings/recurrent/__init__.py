"""Recurrent layers: what they show through time, and what causes it."""
