"""Scores of mattes and networks on benchmarks."""
