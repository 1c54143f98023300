"""Networks that the method uses beside the generator: perceptual, identity and encoder networks."""
