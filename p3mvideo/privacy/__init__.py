"""Finding faces, following them through a stream and covering them."""
