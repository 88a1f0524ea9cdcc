"""A run over many inputs: what they are, where their results go, what became of them."""
