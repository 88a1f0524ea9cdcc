"""Makes images of what was drawn, on the device."""
