"""ASGI applications around the page's: limits, headers, callers, live previews, share heads."""
