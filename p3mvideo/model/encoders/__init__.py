"""The encoders of P3M-Net, and its variants that are built on them."""
