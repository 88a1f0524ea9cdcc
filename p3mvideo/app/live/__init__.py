"""A live run: camera to preview window, virtual camera and recording."""
