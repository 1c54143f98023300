"""Sharing, for other programs."""

from __future__ import annotations

from typing import Any

import gradio as gr

from service.share_store import Record, Store, new_secret
from service.studio import VIEWS, Studio
from web.api.endpoints import checked
from web.error_wrappers import as_error
from web.event_lanes import EDITS
from web.middleware.caller import network_asking


class ShareEndpoints:
    """Sharing, for other programs."""

    def __init__(self, studio: Studio, store: Store) -> None:
        self.studio, self.store = studio, store

    def add(self) -> None:
        with gr.Column(visible=False):
            desk, share = gr.Textbox(label="id"), gr.Textbox(label="share")
            secret, name = gr.Textbox("", label="secret"), gr.Textbox("", label="name")
            edits = gr.JSON({}, label="edits")
            view = gr.Dropdown(list(VIEWS), value="face", label="view")
            answer = gr.JSON(label="answer")
            press = gr.Button()
        inputs = [desk, edits, view, secret, name]
        press.click(self.share, inputs, answer, api_name="share", **EDITS)
        press.click(self.open_share, share, [desk, answer], api_name="open_share")
        press.click(self.shares, secret, answer, api_name="shares")
        press.click(self.rename_share, [share, secret, name], answer, api_name="rename_share")
        press.click(self.delete_share, [share, secret], answer, api_name="delete_share")

    @as_error
    def share(self, desk: str, edits: Any, view: str, secret: str, name: str) -> Any:
        """Keep the session with these edits: who has the link `/?s=SHARE` sees it and edits a copy.

        Args:
            desk: the id, after `personalise`, `open_session` or `open_share`.
            edits: direction to amount, as in `edit`.
            view: "face" or "photograph", as the link is to open.
            secret: that of an earlier answer, so that all your shares are listed together; empty
                for a new one. It allows to rename and delete.
            name: what you call it; nobody else sees it.

        Returns:
            share (its identifier), link, secret, name, created, expires (seconds since 1970, UTC).
        """
        key = secret or new_secret()
        record = self.studio.share(self.store, key, desk, checked(edits), view, name)
        return {**_told(record), "secret": key}

    @as_error
    def open_share(self, share: str, request: gr.Request | None = None) -> Any:
        """Open a copy of what a link shows.

        Args:
            share: the identifier at the end of the link.

        Returns:
            An id for the other calls.
            Its edits, view, and the report of how it was made.
        """
        desk, view = self.studio.open_share(self.store, share, network_asking(request))
        assert desk.session is not None
        return desk.id, {"edits": desk.session.edits, "view": view, "report": desk.report}

    @as_error
    def shares(self, secret: str) -> list[dict[str, Any]]:
        """All that is kept for the owner of a secret, and since when and until when.

        Args:
            secret: the one that `share` answered with.

        Returns:
            One record a share; created and expires in seconds since 1970, UTC.
        """
        return [_told(record) for record in self.store.of(secret)]

    @as_error
    def rename_share(self, share: str, secret: str, name: str) -> Any:
        """Give a share another name, which only its owner sees.

        Args:
            share: its identifier.
            secret: the one that `share` answered with.
            name: of at most 80 characters.
        """
        return _told(self.store.rename(share, secret, name))

    @as_error
    def delete_share(self, share: str, secret: str) -> Any:
        """Delete a share now, for everybody: the link says so from then on.

        Args:
            share: its identifier.
            secret: the one that `share` answered with.
        """
        self.store.delete(share, secret)
        return {"deleted": True}


def _told(record: Record) -> dict[str, Any]:
    """A record without its owner's hash."""
    names = ("name", "created", "expires", "view", "size")
    return {
        "share": record.id,
        "link": f"/?s={record.id}",
        **{name: getattr(record, name) for name in names},
    }
