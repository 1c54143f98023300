"""ASGI middleware around the page's application."""
