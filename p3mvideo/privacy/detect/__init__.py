"""Finding faces in one image."""
