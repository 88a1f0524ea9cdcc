"""Training: data, recipes, losses, the loop, and the export of what it learnt."""
