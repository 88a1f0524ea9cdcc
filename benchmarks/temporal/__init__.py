"""Measurements of smoothing over time."""
