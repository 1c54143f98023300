"""Faces in photographs: decode, detect, align, paste back, measure, compare."""
