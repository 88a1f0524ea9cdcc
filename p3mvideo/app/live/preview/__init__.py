"""The preview window of a live run and its keys."""
