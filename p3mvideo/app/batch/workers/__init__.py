"""Who works on units: processes on this machine, or actors of a Ray cluster."""
