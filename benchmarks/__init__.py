"""What the docs claim, measured. `python -m benchmarks.NAME`; figures in benchmarks/results/."""
