"""What `p3mvideo anonymize` does: files with their faces covered, for release."""
