"""Programs that make what the tree ships; the product itself never runs them."""
