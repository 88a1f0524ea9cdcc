"""P3M-Net in PyTorch: one graph, several encoders."""
