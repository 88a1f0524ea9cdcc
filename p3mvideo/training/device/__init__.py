"""Training whose samples are made where the network learns, in batches: for a machine that is there for some minutes, see docs/gpu.md."""
