"""Studio: the jobs of the command line in a browser page, on one's own machine."""
