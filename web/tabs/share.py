"""Links to sessions, what this browser shares, and what it comes back to."""

from __future__ import annotations

import time
from typing import Any

import gradio as gr

from pti_core.errors import UserError
from service.share_store import MAX_NAME, Record, Store, new_secret
from service.studio import VIEWS
from web.events import EDITS, private, quiet
from web.middleware.caller import caller_of
from web.page import Page
from web.tabs.face_gallery import faces
from web.user_errors import in_a_sentence


class SharePart:
    """Links to sessions, what this browser shares, and what it comes back to."""

    def __init__(self, app: gr.Blocks, page: Page, store: Store) -> None:
        self.app, self.page, self.studio, self.store = app, page, page.studio, store
        self.owner = page.owner
        self.latest = gr.BrowserState("", storage_key="pti-desk", secret="pti")
        with gr.Accordion("What you share", open=False, elem_id="shares"):
            self.list = gr.Dropdown([], label="Kept on this server", elem_id="share-list")
            self.name = gr.Textbox(label="Name", max_length=MAX_NAME, elem_id="share-name")
            with gr.Row():
                self.rename = gr.Button("Rename", size="sm", elem_id="share-rename")
                self.delete = gr.Button(
                    "Delete now", size="sm", variant="stop", elem_id="share-delete"
                )

    def wire(self) -> None:
        page, editing = self.page, self.page.editing
        arrived = [page.desk, editing.view, page.personalising.crop, page.personalising.start]
        self.arrived = [*arrived, page.gallery.chosen, *editing.shown]
        self.app.load(
            self.arrive,
            [self.owner, self.latest],
            [self.owner, self.list, *self.arrived],
            show_progress_on=[editing.stage],
            **private("arrive"),
        ).success(
            page.personalising.resume,
            page.desk,
            page.personalising.followed,
            concurrency_limit=None,
            **quiet("resume"),
        ).then(
            self.show_resumed,
            [page.desk, editing.view],
            editing.shown,
            **private("resumed"),
        )
        page.desk.change(lambda desk: desk or "", page.desk, self.latest, **private("latest"))
        link = page.downloads.link
        page.downloads.share.click(
            self.share,
            [self.owner, *editing.inputs],
            [self.owner, self.list, link],
            **EDITS,
            **private("share"),
        ).success(None, link, link, js=_COPY_LINK, **private("copy"))
        chosen = [self.owner, self.list]
        self.rename.click(self.call, [*chosen, self.name], self.list, **private("rename"))
        self.delete.click(self.end, chosen, [self.list, link], **private("delete"))

    def arrive(self, owner: str, latest: str, request: gr.Request) -> Any:
        """The page was opened: what its link shows, or what this browser had before it reloaded."""
        page, view = self.page, VIEWS[0]
        owner = owner or new_secret()
        known = [owner, self._listed(owner)]
        running = self.studio.line.job_of_person(caller_of(request, owner).key)
        # Another tab may have opened something else since: the job is what she waits for.
        latest = running.owner if running else latest
        nothing = [gr.skip() for _ in self.arrived]
        try:
            share = request.query_params.get("s")
            if share is not None:
                desk, view = self.studio.open_share(self.store, share)
            elif latest and self.studio.desks.visit(latest):
                desk = self.studio.desks.get(latest)
            else:
                return [*known, *nothing]
        except UserError as error:
            gr.Warning(str(error), title="", duration=None)
            return [*known, *nothing]
        start = gr.Button("Personalise again" if desk.session else "Personalise", interactive=True)
        chosen, panel = faces(desk.crops), page.editing.show(desk.id, view)
        return [*known, desk.id, view, desk.crop, start, chosen, *panel]

    def show_resumed(self, desk_id: str | None, view: str) -> Any:
        return self.page.editing.show(desk_id, view) if desk_id else gr.skip()

    @in_a_sentence
    def share(self, owner: str, desk_id: str | None, view: str, *amounts: float) -> Any:
        """Keep what is on the screen, and give the link's end; the browser knows the beginning."""
        owner = owner or new_secret()
        edits = self.page.editing.edits(amounts)
        record = self.studio.share(self.store, owner, desk_id or "", edits, view)
        return owner, self._listed(owner, record.id), gr.Textbox(f"/?s={record.id}", visible=True)

    @in_a_sentence
    def call(self, owner: str, share: str | None, name: str) -> Any:
        self.store.rename(share, owner, name)
        return self._listed(owner, share)

    @in_a_sentence
    def end(self, owner: str, share: str | None) -> Any:
        self.store.delete(share, owner)
        gr.Info("Deleted; the link says so to everybody from now on.", title="")
        return self._listed(owner), gr.Textbox("", visible=False)

    def _listed(self, owner: str, chosen: Any = None) -> Any:
        """What this browser shares, since when and until when."""
        try:
            own = self.store.of(owner)
        except UserError:
            own = []
        choices = [(_named(record), record.id) for record in own]
        return gr.Dropdown(choices, value=chosen or (own[0].id if own else None))


def _named(record: Record) -> str:
    since, until = (
        time.strftime("%d %b %Y, %H:%M UTC", time.gmtime(at))
        for at in (record.created, record.expires)
    )
    size = f"{max(record.size / 2**20, 0.1):.1f} MB"
    return f"{record.name or 'Unnamed'}: since {since}, until {until}, {size}"


# The tunnel of --share and a Space have addresses of their own: only the browser knows which.
_COPY_LINK = """(end) => {
  if (!(end || "").startsWith("/?s=")) return end;
  const link = location.origin + location.pathname.replace(/[/]$/, "") + end;
  navigator.clipboard?.writeText(link).catch(() => {});
  return link;
}"""
