"""Video files: reading and writing, through PyAV."""
