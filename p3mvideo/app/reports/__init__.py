"""Images that show a result for a person to judge."""
