"""Small files: replaced in one step, and told apart by their hash."""
