"""The web page over `service.studio`: layout and event wiring; nothing here computes an image.

Importing this needs no heavy library: networks are loaded behind the page, which answers at once.
Each part of the page is a class in `web.tabs` that lays its components out and connects its events;
`web.page` puts the parts together, `web.serve` launches the app.
"""
