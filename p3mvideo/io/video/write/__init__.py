"""From frames to a video file, with the streams copied from the input."""
