"""From a video file to frames."""
