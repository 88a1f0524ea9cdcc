"""Cameras, the virtual camera and the preview window."""
