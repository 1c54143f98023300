"""Generators: one interface (`base`), one file a network."""
