"""Makes `pti_core/data/directions.safetensors`: `python -m scripts.directions --help`."""
