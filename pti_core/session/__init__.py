"""A session, its file format, and how it is written to disk."""
