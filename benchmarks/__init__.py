"""The benchmark runner: training steps against peers, and against what the machine can do.

``python -m benchmarks --quick`` from the root of the repository; never installed.
"""
