"""Reads options that people write in a form of their own."""
