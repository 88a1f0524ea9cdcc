"""How a face is covered."""
