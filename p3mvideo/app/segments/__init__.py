"""Long videos in segments: where they begin, who works on which, and what they are joined into."""
