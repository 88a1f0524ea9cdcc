"""The times of decoded frames."""
