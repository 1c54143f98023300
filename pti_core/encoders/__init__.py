"""Networks that guess a starting pivot from a picture in one pass."""
