"""Samples that the reader of prompts is trained on."""
