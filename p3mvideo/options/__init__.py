"""Option values that the commands share."""
