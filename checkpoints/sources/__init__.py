"""Where weight files come from: the Hub, a plain web address, the package index."""
