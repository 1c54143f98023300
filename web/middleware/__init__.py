"""ASGI applications around the page's: caller identity, live previews, heads of shared links."""
