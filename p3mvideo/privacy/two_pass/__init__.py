"""Anonymizing a recording in two passes: find every face first, then cover."""
