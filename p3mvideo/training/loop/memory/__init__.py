"""How much memory a step of training takes."""
