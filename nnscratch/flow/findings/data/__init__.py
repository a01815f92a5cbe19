"""Causes in what is learned from: the scales of numbers, what they mean, labels, flaws."""
