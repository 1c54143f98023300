"""The parts of the page: each class lays out its components and connects its events."""
