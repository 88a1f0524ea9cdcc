"""Matting data sets on disk, in P3M-10k's layout: reading, checking and making them."""
