"""The decoders of P3M-Net, and what they are made of."""
