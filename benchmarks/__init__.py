"""What the platform was measured to do on one machine: `python -m benchmarks`, results and pictures."""
