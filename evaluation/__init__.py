"""The paper's experiments, repeated on a folder of photographs: figures, tables and pictures."""
