"""Draws batches of samples in numbers, on the processor."""
