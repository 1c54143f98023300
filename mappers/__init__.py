"""Edits that are asked for in words."""
