"""The web page over `pti_core.studio`: layout, wiring and words; nothing here computes a picture.

Importing this needs no heavy library: networks are loaded behind the page, which answers at once.
Each part of the page (`choosing`, `personalising`, `editing`, `downloads`, `sharing`) is a class
that lays its components out and wires them; `page` puts the parts together, `serving` launches it.
"""
