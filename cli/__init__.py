"""The command lines: `python -m pti_core`, `python -m mappers`, `python -m checkpoints`."""
