"""Examples of the Python interface, and the photographs that the page and the tests use."""
