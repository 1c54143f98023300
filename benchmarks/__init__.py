"""What produces the figures in the documents."""
