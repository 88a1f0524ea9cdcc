"""The options of training, and the recipes that set them."""
