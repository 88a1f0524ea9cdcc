"""Frames from and to files, folders and pipes. The only part that knows PyAV."""
