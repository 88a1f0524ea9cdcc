"""Damaged files through the real command line."""
