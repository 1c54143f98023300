"""Edits of a face: latent directions, edits taken from the base generator, text edits."""
