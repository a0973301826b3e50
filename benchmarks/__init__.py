"""Benchmarks of the platform on one machine: `python -m benchmarks`, results and pictures."""
