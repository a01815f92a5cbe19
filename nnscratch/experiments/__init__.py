"""Experiments: the ladder of networks that the blog post climbs, and its MNIST experiment."""
