"""Pictures of the sessions on workspaces: edits, previews, strips, files and shares."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pti_core.errors import UserError
from service.generator_choices import GeneratorChoices
from service.render_turns import RenderTurns, Wanted, always
from service.screen_sizes import photograph_of, within
from service.workspaces import Renders, Workspace, Workspaces, moved

if TYPE_CHECKING:
    from PIL import Image

    from pti_core.editing.edit_state import EditState
    from pti_core.editing.hair_color import HairColor
    from pti_core.editing.rendered_edit import Rendering
    from pti_core.editing.text_edit import StackEntry
    from pti_core.models import EditModels
    from pti_core.session.session import Session
    from service.live_preview import Previewer
    from service.share_store import Record, Store

#: What `picture` shows: the aligned face, or the face in its photograph.
VIEWS = ("face", "photograph")
#: Longest side of a photograph on the screen; downloads have its own resolution.
SCREEN_SIDE = 1600
#: Pictures of a strip, and their side.
STRIP_LENGTH, STRIP_SIDE = 7, 192
#: Side of what follows a slider while it moves.
PREVIEW_SIDE = 512


@dataclasses.dataclass(frozen=True)
class Likeness:
    """How near an edited face is to the photograph's.

    distance: of `network`'s embeddings. same_person: under this distance it takes two pictures for
    one person.
    """

    distance: float
    same_person: float
    network: str


class EditService:
    """Shows and edits the sessions that lie on workspaces; safe to use from several threads."""

    def __init__(
        self, workspaces: Workspaces, choices: GeneratorChoices, turns: RenderTurns
    ) -> None:
        self.workspaces, self.choices, self.networks = workspaces, choices, choices.networks
        self._turns = turns

    def expect_edits(self) -> None:
        """Somebody has opened a page: what no edit needs can wait a little."""
        self._turns.touch()

    def turn_to(self, workspace_id: str, person: int, edits: Mapping[str, float]) -> Session:
        """Show another person of the session, with these edits clamped to that person's ranges.

        Raises NoWorkspaceError, UserError: no such workspace, no session, or no such person.
        """
        workspace = self._with_session(workspace_id)
        session = workspace.session
        assert session is not None
        if not isinstance(person, int) or not 0 <= person < len(session.crops):
            raise UserError(f"There are {len(session.crops)} people here, counted from 0.")
        own = session.directions(
            self.choices.edit_models(session.generator_name).directions, person
        )
        kept = {n: min(max(a, own[n].low), own[n].high) for n, a in edits.items() if n in own}
        # First the session: new renders must not be filled with the last person's.
        workspace.session = dataclasses.replace(session, person=person, edits=moved(kept))
        workspace.renders = Renders()
        return workspace.session

    def picture(
        self,
        workspace_id: str,
        edits: Mapping[str, float],
        view: str = "face",
        side: int | None = None,
    ) -> Image.Image:
        """The edited picture; full resolution, or the longest side at most `side`.

        Raises:
            NoWorkspaceError, EditError, UserError: no such workspace, no session in it, or an edit
                out of range.
        """
        workspace = self._with_session(workspace_id)
        _check_view(view)
        return self._viewed(workspace, self._edited(workspace, edits), view, side)

    def picture_to_save(
        self, workspace_id: str, edits: Mapping[str, float], view: str = "face"
    ) -> Image.Image:
        """The edited face, or the photograph as its file has it: size, opacity, colour profile.

        Raises as `picture` does.
        """
        from pti_core.faces.images import read_photograph

        workspace = self._with_session(workspace_id)
        session, originals = workspace.session, workspace.originals
        assert session is not None
        if view != "photograph" or session.person >= len(originals):
            return self.picture(workspace_id, edits, view)
        rendering = self._edited(workspace, edits)
        photo = read_photograph(originals[session.person], max_side=None)
        return rendering.in_file(photo, session.alignments[session.person])

    def _viewed(
        self, workspace: Workspace, rendering: Rendering, view: str, side: int | None
    ) -> Image.Image:
        if view == "face":
            return within(rendering.face, side)
        return rendering.in_photo(*photograph_of(workspace, side))

    def screen(
        self,
        workspace_id: str,
        edits: Mapping[str, float],
        view: str = "face",
        moving: bool = False,
    ) -> tuple[bytes, bytes]:
        """Before and after for the screen, as JPEG files; `moving` asks for a quick, smaller one.

        Before is the aligned crop, or the photograph. Raises as `picture` does.
        """
        from pti_core.ai_mark import to_jpeg

        workspace = self._with_session(workspace_id)
        side = PREVIEW_SIDE if moving else SCREEN_SIDE
        after = to_jpeg(
            self.picture(workspace_id, edits, view, side), 80 if moving else 92, marked=True
        )
        before = workspace.renders.before
        if view not in before:
            assert workspace.session is not None
            face = view == "face"
            image = workspace.session.crop() if face else photograph_of(workspace, SCREEN_SIDE)[0]
            before[view] = to_jpeg(image, 92)
        if not moving:
            self.prepare(workspace_id)
        return before[view], after

    def prepare(self, workspace_id: str) -> None:
        """Begin what the next pictures would wait for: the photograph's layers, which the first
        edit needs, then what previews need. Returns at once; edits that come meanwhile go first.

        Raises as `session` does.
        """
        from pti_core.rendering import prepare

        models = self.edit_models(workspace_id)

        def layers(workspace: Workspace) -> None:
            session = workspace.session
            with self._turns.frame():
                if session is not None and workspace.session is session:
                    prepare(session, models)

        workspace = self._with_session(workspace_id)
        self._previewer.prepare(workspace, models, layers, self._turns.frame)

    def preview(self, workspace_id: str, edits: Mapping[str, float], view: str = "face") -> bytes:
        """A small picture while a slider moves, as a JPEG file.

        It waits neither for full pictures nor for personalisations, where the generator has a
        quick way and the session's is prepared (`service.live_preview`; a second after `screen`);
        else it is the full picture, reduced. Raises as `picture` does.
        """
        from pti_core.ai_mark import to_jpeg

        workspace = self._with_session(workspace_id)
        _check_view(view)
        self._turns.touch()
        models = self.choices.edit_models(self.session(workspace_id).generator_name)
        face = self._previewer.picture(workspace, models, edits)
        if face is None:
            return to_jpeg(self.picture(workspace_id, edits, view, PREVIEW_SIDE), 80, marked=True)
        from pti_core.editing.rendered_edit import Rendering

        shown = self._viewed(workspace, Rendering(face), view, PREVIEW_SIDE)
        return to_jpeg(shown, 85, marked=True)

    @cached_property
    def _previewer(self) -> Previewer:
        from service.live_preview import Previewer

        return Previewer()

    def ranges(self, workspace_id: str) -> dict[str, tuple[float, float]]:
        """Direction name to its range (low, high) for the person that the session shows."""
        session = self._with_session(workspace_id).session
        assert session is not None
        own = session.directions(self.choices.edit_models(session.generator_name).directions)
        return {name: (direction.low, direction.high) for name, direction in own.items()}

    def likeness(self, workspace_id: str, edits: Mapping[str, float]) -> Likeness | None:
        """How near the edited face is to the photograph's; None without a network for it.

        Raises as `picture` does.
        """
        workspace = self._with_session(workspace_id)
        identity = self.networks.get().identity
        if identity is None:
            return None
        face, renders = self._edited(workspace, edits).face, workspace.renders
        if renders.embedding is None:
            assert workspace.session is not None
            renders.embedding = identity.embedding(workspace.session.crop())
        distance = identity.distance(renders.embedding, face)
        return Likeness(distance, identity.same_person, identity.name)

    def variation(self, workspace_id: str, seed: int) -> dict[str, float]:
        """Random edits within the person's ranges; the same for the same seed."""
        from pti_core.editing.random_edits import random_edits

        return random_edits(self.ranges(workspace_id), seed)

    def strip(
        self,
        workspace_id: str,
        edits: Mapping[str, float],
        name: str,
        wanted: Wanted = always,
    ) -> Iterator[tuple[float, Image.Image]]:
        """One edit across its range on top of the others: amounts and small pictures, one by one,
        as long as they are `wanted`.

        Raises as `picture` does.
        """
        ranges = self.ranges(workspace_id)
        if name not in ranges:
            raise UserError(f"There is no edit named {name!r}.")
        low, high = ranges[name]
        for index in range(STRIP_LENGTH):
            amount = low + (high - low) * index / (STRIP_LENGTH - 1)
            workspace = self._with_session(workspace_id)
            with self._turns.frame(index == 0, wanted) as granted:
                if not granted:
                    return
                state = workspace.edit_state({**edits, name: amount})
                face = self._rendered(workspace, state).face
            yield amount, within(face, STRIP_SIDE)

    def frames(
        self,
        workspace_id: str,
        states: Sequence[Mapping[str, float]],
        view: str = "face",
        side: int | None = None,
        wanted: Wanted = always,
    ) -> Iterator[Image.Image]:
        """The pictures of several states of edits, one by one, as long as they are `wanted`. Takes
        and raises what `picture` does."""
        _check_view(view)
        for index, state in enumerate(states):
            workspace = self._with_session(workspace_id)
            with self._turns.frame(index == 0 and len(states) > 1, wanted) as granted:
                if not granted:
                    return
                rendering = self._rendered(workspace, workspace.edit_state(state))
            yield self._viewed(workspace, rendering, view, side)

    def session_file(self, workspace_id: str, edits: Mapping[str, float]) -> bytes:
        """The session's file, with these edits in it. Raises as `picture` does."""
        workspace = self._with_session(workspace_id)
        from pti_core.editing import directions

        session = workspace.session
        assert session is not None
        models = self.choices.edit_models(session.generator_name)
        directions.apply(session.pivot(), edits, session.directions(models.directions))
        return dataclasses.replace(session, edits=moved(edits)).to_bytes()

    def session(self, workspace_id: str) -> Session:
        """The workspace's session. Raises NoWorkspaceError, or UserError: there is none."""
        session = self._with_session(workspace_id).session
        assert session is not None
        return session

    def edit_models(self, workspace_id: str) -> EditModels:
        """What renders the session. Raises as `session` does."""
        return self.choices.edit_models(self.session(workspace_id).generator_name)

    def restack(self, workspace_id: str, entries: Sequence[StackEntry]) -> None:
        """Replace the text edits of the workspace's session. Raises as `session` does."""
        workspace = self._with_session(workspace_id)
        assert workspace.session is not None
        workspace.session = dataclasses.replace(workspace.session, stack=list(entries))

    def set_options(
        self, workspace_id: str, hair_color: HairColor | None, keep_background: bool = True
    ) -> None:
        """Set what pictures depend on besides edits. Raises as `session` does."""
        workspace = self._with_session(workspace_id)
        assert workspace.session is not None
        if workspace.session.hair_color != hair_color:
            workspace.session = dataclasses.replace(workspace.session, hair_color=hair_color)
        workspace.keep_background = keep_background

    def composites(self, workspace_id: str) -> bool:
        """Whether pictures of the workspace's session are composited with its photograph: hair
        takes any colour and the background can stay. Raises as `session` does."""
        from pti_core.rendering import is_composited

        return is_composited(self.session(workspace_id), self.edit_models(workspace_id))

    @contextlib.contextmanager
    def rendering(self) -> Iterator[Callable[[], None]]:
        """While this is held no edit is rendered: each takes all cores. What it gives lets those
        that wait go first."""
        with self._turns.edit():
            yield self._turns.let_others

    def share(
        self,
        store: Store,
        secret: str,
        workspace_id: str,
        edits: Mapping[str, float],
        view: str = "face",
        name: str = "",
    ) -> Record:
        """Keep the session with these edits in the store, for everybody who gets its identifier.

        secret: the owner's, which allows to rename and delete it (`store.new_secret`). It counts
        for the workspace's network. Raises as `picture` does, and ShareError where it cannot be
        kept.
        """
        from service.share_card import draw_card

        data = self.session_file(workspace_id, edits)
        workspace = self._with_session(workspace_id)
        session = workspace.session
        assert session is not None
        after = self.picture(workspace_id, edits, view)
        before = session.crop() if view == "face" else session.photograph()
        card = draw_card(before, after, self._caption(session, moved(edits)))
        return store.save(data, secret, view=view, card=card, name=name, address=workspace.address)

    def _caption(self, session: Session, edits: Mapping[str, float]) -> str:
        known = session.directions(self.choices.edit_models(session.generator_name).directions)
        parts = [
            " ".join(filter(None, (known[name].label, f"{amount:+.3g}", known[name].unit)))
            for name, amount in edits.items()
        ]
        return ", ".join(parts) or "As in the photograph"

    def _with_session(self, workspace_id: str) -> Workspace:
        workspace = self.workspaces.get(workspace_id)
        if workspace.session is None:
            raise UserError("There is nothing to edit yet; learn (personalise) a photograph first.")
        return workspace

    def _edited(self, workspace: Workspace, edits: Mapping[str, float]) -> Rendering:
        """The rendered edit. The latest one is kept: it is requested in several sizes."""
        renders = workspace.renders
        state, latest = workspace.edit_state(edits), renders.latest
        if latest is not None and latest.state == state:
            return latest.rendering
        if (plain := self._unedited(workspace, state)) is not None:  # waits for nobody
            renders.show(state, plain)
            return plain
        with self._turns.edit():
            latest = renders.latest
            if latest is None or latest.state != state:
                latest = renders.show(state, self._rendered(workspace, state))
                self.workspaces.make_room(keep=workspace.id)
        return latest.rendering

    def _unedited(self, workspace: Workspace, state: EditState) -> Rendering | None:
        from pti_core.rendering import render_unedited

        session = workspace.session
        assert session is not None
        models = self.choices.edit_models(session.generator_name)
        return render_unedited(session, models, state)

    def _rendered(self, workspace: Workspace, state: EditState) -> Rendering:
        from pti_core.rendering import render_edit

        session = workspace.session
        assert session is not None
        models = self.choices.edit_models(session.generator_name)
        return render_edit(session, models, state)


def _check_view(view: str) -> None:
    if view not in VIEWS:
        raise UserError(f"There is no view named {view!r}; use {' or '.join(VIEWS)}.")
