"""Where a face comes from: a photograph, a ready-made example, or a session file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pti_core.errors import UserError
from service.share_store import Store, is_identifier, new_secret
from service.studio import VIEWS, Studio
from web import page_text
from web.actions import Actions, Ask
from web.files import uploaded
from web.tabs.open_session import OpenedSession, faces, on_screen

if TYPE_CHECKING:
    from pti_core.faces.framing import Where
    from pti_core.session.session import Session

EXAMPLES = Path(__file__).parents[2] / "examples"


def examples() -> list[str]:
    """Names of the ready-made sessions that come with the product."""
    return sorted(path.stem for path in EXAMPLES.glob("*.safetensors"))


@cache
def example_session(name: str) -> Session:
    """A ready-made session, read once: what is computed of it serves all who open it."""
    from pti_core.session.session import Session

    return Session.open(EXAMPLES / f"{name}.safetensors")


def read_examples() -> None:
    """Read the ready-made sessions: a third of a second each, which their first visitors would wait
    for. One that cannot be read is said to be so where it is opened."""
    for name in examples():
        with suppress(UserError):
            example_session(name)


class PhotoPart:
    """The first screen, the faces of a photograph, and what a reloaded page comes back to."""

    def __init__(self, studio: Studio, store: Store, opened: OpenedSession) -> None:
        self.studio, self.store, self.opened = studio, store, opened

    def add_to(self, actions: Actions) -> None:
        actions.add(
            hello=self.hello,
            status=self.status,
            photograph=self.photograph,
            choose_face=self.choose_face,
            chosen=self.chosen,
            add_people=self.add_people,
            drop_added=self.drop_added,
            open_example=self.open_example,
            open_session=self.open_session,
            forget=self.forget,
        )

    def hello(self, ask: Ask) -> Mapping[str, Any]:
        """The page was opened: what its link shows, or what this tab had before it reloaded."""
        self.studio.expect_edits()
        secret = ask.text("owner")
        known = {"owner": secret if is_identifier(secret) else new_secret(), **self.status(ask)}
        if (copied := ask.text("copied")) and not self.store.has(copied):
            known["link_gone"] = True
        share, latest = ask.text("share"), ask.workspace
        if share:
            workspace, view = self.studio.open_share(self.store, share, ask.address)
            return {**known, "view": view, "opened": self.opened.told(workspace.id)}
        if not latest or not self.studio.workspaces.visit(latest):
            return {**known, "lost": bool(latest)}
        found = self.studio.workspaces.get(latest)
        job = self.studio.line.job_of(latest)
        known |= {
            "desk": latest,
            "job": job is not None,
            "view": VIEWS[0],
            "revision": found.revision,
        }
        if found.session is not None:
            return {**known, "opened": self.opened.told(latest)}
        if found.photographs:
            return {**known, "photograph": self._chosen(latest)}
        return known

    def status(self, ask: Ask) -> Mapping[str, Any]:
        """Whether the server is ready, and how long learning a face takes."""
        return page_text.status(self.studio, ask.workspace)

    def photograph(self, ask: Ask) -> Mapping[str, Any]:
        """A photograph was chosen: the faces in it, or why there is none."""
        path = uploaded(ask.text("path"))
        # Where no face is found the person draws a square, beginning with all of it.
        where: Where = "whole" if ask.data.get("marked") is True else 0
        workspace = self.studio.align(path, self._known(ask.workspace), ask.address, where)
        return self._chosen(workspace.id)

    def choose_face(self, ask: Ask) -> Mapping[str, Any]:
        """Another face of the photograph was pressed."""
        self.studio.choose_face(ask.workspace, self._where(ask))
        return self._chosen(ask.workspace)

    def chosen(self, ask: Ask) -> Mapping[str, Any]:
        """The photograph that waits to be learned, once more."""
        return self._chosen(ask.workspace)

    def add_people(self, ask: Ask) -> Mapping[str, Any]:
        """More photographs for one shared generator; those that cannot be used are named."""
        files = ask.data.get("files")
        if not isinstance(files, list) or not files:
            raise UserError("No photograph arrived; please choose them again.")
        refused, workspace_id = [], ask.workspace
        for file in files[:20]:
            told = Ask(file if isinstance(file, dict) else {})
            try:
                path = uploaded(told.text("path"))
                workspace_id = self.studio.add([path], workspace_id, ask.address).id
            except UserError as error:
                refused.append(f"{told.text('name', 80) or 'A file'}: {error}")
        return {**self._chosen(workspace_id), "refused": refused}

    def drop_added(self, ask: Ask) -> Mapping[str, Any]:
        """Go on with the open face; photographs that were added beside it are left out."""
        self.studio.workspaces.get(ask.workspace).drop_added()
        return {"opened": self.opened.told(ask.workspace)}

    def open_example(self, ask: Ask) -> Mapping[str, Any]:
        """Open a ready-made session in a workspace of its own."""
        name = ask.text("name")
        if name not in examples():
            raise UserError("There is no such example.")
        workspace = self.studio.open(example_session(name), address=ask.address)
        return {"opened": self.opened.told(workspace.id)}

    def open_session(self, ask: Ask) -> Mapping[str, Any]:
        """Open a session file in a workspace of its own."""
        workspace = self.studio.open(uploaded(ask.text("path")), address=ask.address)
        return {"opened": self.opened.told(workspace.id)}

    def forget(self, ask: Ask) -> Mapping[str, Any]:
        """Remove the photograph and all that was made of it from the server."""
        self.studio.forget(ask.workspace)
        return {}

    def _chosen(self, workspace_id: str) -> dict[str, Any]:
        """The photograph that waits to be learned: its faces, and which is used."""
        from pti_core.faces.images import read_photograph

        workspace = self.studio.workspaces.get(workspace_id)
        image = read_photograph(workspace.photographs[0]).image
        first = workspace.faces[0]
        return {
            "desk": workspace_id,
            "picture": on_screen(image, "photograph.jpg"),
            "size": image.size,
            "note": workspace.note,
            "boxes": [list(box) for box in workspace.boxes],
            "face": first if isinstance(first, int) else None,
            "square": self.studio.networks.get().faces is None,
            "marked": isinstance(first, (tuple, str)),
            "people": faces(workspace.crops),
        }

    def _where(self, ask: Ask) -> Where:
        """The face or the square that a call names."""
        from pti_core.faces.framing import check_square
        from pti_core.faces.images import read_photograph

        if "square" not in ask.data:
            return ask.whole("face")
        image = read_photograph(self.studio.workspaces.get(ask.workspace).photographs[0]).image
        return check_square(ask.data["square"], image.size)

    def _known(self, workspace_id: str) -> str | None:
        """The workspace of a photograph that was not learned yet; a session keeps its own."""
        if workspace_id not in set(self.studio.workspaces):
            return None
        return workspace_id if self.studio.workspaces.get(workspace_id).session is None else None
