"""Training samples: scenes composed of portraits, backgrounds and faces."""
