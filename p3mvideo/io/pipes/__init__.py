"""Y4M and raw frames from standard input and to standard output."""
