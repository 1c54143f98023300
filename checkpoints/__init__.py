"""Weight files: what they are, where they come from, and the one way to get them verified."""
