"""The training loop: steps, losses, schedule, checkpoints, validation."""
