"""The address that link previews carry, behind proxies and under a sub-path."""

from __future__ import annotations

import pytest

from web.middleware.share_head import _base


@pytest.mark.parametrize(
    ("headers", "root_path", "base"),
    [
        ({}, "", "http://inside:7860"),
        ({"x-forwarded-host": "a.example", "x-forwarded-proto": "https"}, "", "https://a.example"),
        ({"x-forwarded-prefix": "/faces/"}, "", "http://inside:7860/faces"),
        ({"x-forwarded-host": "a.example"}, "/pti/", "http://a.example/pti"),
        ({"x-forwarded-host": "a.example"}, "https://b.example/pti", "https://b.example/pti"),
        ({"x-forwarded-prefix": '/"><script>'}, "", "http://inside:7860"),
        ({"x-forwarded-prefix": "//evil.example"}, "", "http://inside:7860"),
        ({"x-forwarded-host": 'a"><script>'}, "", ""),
    ],
)
def test_previews_carry_the_visitors_address(headers, root_path, base):
    pairs = {"host": "inside:7860", **headers}
    listed = [(name.encode(), value.encode()) for name, value in pairs.items()]
    assert _base({"scheme": "http", "headers": listed}, root_path) == base
