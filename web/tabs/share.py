"""Links to sessions, and what this browser shares."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from pti_core.errors import UserError
from service.share_store import Record, Store
from service.studio import Studio
from web.actions import Actions, Ask


class SharePart:
    """Links to sessions, and the list of those that this browser made."""

    def __init__(self, studio: Studio, store: Store) -> None:
        self.studio, self.store = studio, store

    def add_to(self, actions: Actions) -> None:
        actions.add(
            share=self.share,
            shares=self.shares,
            rename_share=self.rename,
            delete_share=self.delete,
        )

    def share(self, ask: Ask) -> Mapping[str, Any]:
        """Keep the session on the server for everybody who has its link."""
        owner, view = ask.text("owner"), ask.text("view") or "face"
        record = self.studio.share(self.store, owner, ask.workspace, ask.edits, view)
        return {"link": f"/?s={record.id}", **self.shares(ask)}

    def shares(self, ask: Ask) -> Mapping[str, Any]:
        try:
            own = self.store.of(ask.text("owner"))
        except UserError:
            own = []
        return {"shares": [_told(record) for record in own]}

    def rename(self, ask: Ask) -> Mapping[str, Any]:
        self.store.rename(ask.text("share"), ask.text("owner"), ask.text("name"))
        return self.shares(ask)

    def delete(self, ask: Ask) -> Mapping[str, Any]:
        self.store.delete(ask.text("share"), ask.text("owner"))
        return self.shares(ask)


def _told(record: Record) -> dict[str, Any]:
    since, until = (
        time.strftime("%d %b %Y, %H:%M UTC", time.gmtime(at))
        for at in (record.created, record.expires)
    )
    return {
        "share": record.id,
        "name": record.name,
        "since": since,
        "until": until,
        "link": f"/?s={record.id}",
    }
