"""Measurements of faces: found, followed, covered, recognised."""
