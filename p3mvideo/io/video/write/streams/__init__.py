"""The streams beside the images: audio, subtitles, chapters, metadata, timecode."""
