"""Workspaces: the photographs and the session of each page, within a bound of memory.

A workspace holds photographs, the faces found in them and the personalised generator. Its
identifier cannot be guessed; whoever knows it may use the workspace. When all of them together
exceed the bound, the least recently used one is removed first; what nobody uses goes by itself.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pti_core.errors import UserError

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from pti_core.editing.edit_state import EditState
    from pti_core.editing.rendered_edit import Rendering
    from pti_core.faces.framing import Where
    from pti_core.session.session import Session
    from service.face_choice import Found
    from service.live_preview import End, Ground

#: An address that holds more than 1 / FAIR_SHARE of the bound is the first to lose a workspace.
FAIR_SHARE = 4
#: Seconds after which what nobody used goes, whoever it is for; the pages promise an hour.
UNUSED_SECONDS = 3000.0
#: Pictures that previews may start from: 200 kB each.
MOST_SHOWN = 16
#: Bytes of an identifier from the system's random source: 192 bits.
ID_BYTES = 24


class NoWorkspaceError(UserError):
    """The identifier is unknown: never given, closed, or cleared to make room."""


@dataclass(frozen=True, eq=False)
class FullRender:
    """A full image, and the edits in it."""

    state: EditState
    rendering: Rendering


@dataclass(frozen=True, eq=False)
class Shown:
    """A full image that was shown, reduced to a preview's size, and the edits in it."""

    state: EditState
    face: Image.Image


@dataclass(eq=False)
class Renders:
    """What was rendered of a workspace's session; a new session comes with new ones.

    Attributes:
        before: the unedited views as JPEG files, by view.
        reduced: the photograph by its longest side.
        embedding: the crop's, by the identity network.
        latest: the full image that was shown last.
        shown: what was shown of late, at most `MOST_SHOWN`, the latest last; previews start there.
        head, ground, end: of `service.live_preview`. head_begun: the head is fitted, or will be.
        on_demand: nothing is prepared for previews before somebody edits.
    """

    before: dict[str, bytes] = field(default_factory=dict)
    reduced: dict[int, Image.Image] = field(default_factory=dict)
    embedding: Any = None
    latest: FullRender | None = None
    shown: list[Shown] = field(default_factory=list)
    head_begun: bool = False
    on_demand: bool = False
    head: Tensor | None = None
    ground: Ground | None = None
    end: End | None = None

    def nbytes(self) -> int:
        """Memory of its images, nearly."""
        latest, ground, end = self.latest, self.ground, self.end
        tensors = [ground.image, ground.residual] if ground else []
        tensors += [end.missed] if end is not None and end.missed is not None else []
        total = sum(one.numel() * one.element_size() for one in tensors)
        total += sum(map(len, self.before.values())) + sum(map(_nbytes, self.reduced.values()))
        total += sum(_nbytes(one.face) for one in self.shown)
        return total + (latest.rendering.nbytes() if latest is not None else 0)

    @property
    def edited(self) -> bool:
        """Whether the full image that was shown last has edits."""
        state = self.latest.state if self.latest is not None else None
        return bool(state and (state.amounts or state.stack or state.hair_color))

    @property
    def has_previews(self) -> bool:
        """Whether previews are prepared."""
        return self.head is not None and bool(self.shown)

    def show(self, state: EditState, rendering: Rendering) -> FullRender:
        """Keep a full image as the latest, and as a start of previews."""
        self.start_from(state, rendering)
        self.latest = FullRender(state, rendering)
        return self.latest

    def start_from(self, state: EditState, rendering: Rendering) -> None:
        """Keep an image as a start of previews."""
        from PIL import Image

        from pti_core.inversion.low_res import SIDE

        small = Shown(state, rendering.face.resize((SIDE, SIDE), Image.Resampling.BOX))
        others = [one for one in self.shown if one.state != state]
        self.shown = [*others, small][-MOST_SHOWN:]

    def drop_images(self) -> None:
        """Forget the images, which can be made again; what is fitted to the session stays."""
        self.latest = self.ground = self.end = None
        self.before, self.reduced, self.shown = {}, {}, []


def moved(edits: Mapping[str, float]) -> dict[str, float]:
    """The edits that move something."""
    return {name: amount for name, amount in edits.items() if amount != 0}


@dataclass(eq=False)
class Workspace:
    """One person's things.

    Attributes:
        id: unguessable, safe in a URL.
        photographs: what is to be personalised together, usually one: the bytes as they came, or
            those of a session file that was opened.
        crops: the aligned face in each.
        faces: which face of each photograph, as `FaceFinder.all_landmarks` counts them, a square
            (left, top, side) that was drawn, or where the crop of an opened session lies.
        code: a latent code to tune around, (w_dim,) or (num_ws, w_dim); None to find one.
        boxes: (left, top, right, bottom), pixels, of all faces in the first photograph.
        session: the personalised generator; None before.
        originals: the files of the session's photographs, at their own size; those of the session
            where it was opened from a file.
        revision: counts the sessions that it was given.
        report: how near it is (see `pti_core.personalisation.personalise`).
        renders: images of the session that are kept between two edits.
        keep_background: pictures keep the photograph's background.
        note: what the person should know of the latest photograph; "" as a rule.
        address: the network that it was made from; "" where many may be behind it.
        visits: pages that show it: the one that it was made for, and the same one reloaded.
        used: when it was last used, by its workspaces' clock.
        over: set once it is closed; long work for it ends then.
    """

    id: str = field(default_factory=lambda: secrets.token_urlsafe(ID_BYTES))
    photographs: list[bytes] = field(default_factory=list)
    crops: list[Image.Image] = field(default_factory=list)
    faces: list[Where] = field(default_factory=list)
    code: Tensor | None = None
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    session: Session | None = None
    originals: Sequence[bytes] = ()
    revision: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    renders: Renders = field(default_factory=Renders)
    keep_background: bool = True
    note: str = ""
    visits: int = 1
    used: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    @property
    def crop(self) -> Image.Image | None:
        """The first of the faces."""
        return self.crops[0] if self.crops else None

    def use(self, face: Where, found: Found) -> None:
        """Use this face of the first photograph."""
        self.crops, self.faces = [found.crop, *self.crops[1:]], [face, *self.faces[1:]]
        self.boxes, self.note = found.boxes, found.note

    def set_session(self, session: Session, report: dict[str, Any]) -> None:
        """Show a new session, with its crops; nothing that was rendered stays."""
        self.crops = _crops_of(session)
        self.report, self.session = report, session
        self.revision += 1
        self.renders = Renders()  # last: they belong to the session

    def drop_added(self) -> None:
        """Leave out the photographs that were added beside the session's and are not learned."""
        if self.session is not None:
            self.crops, self.faces = _crops_of(self.session), list(self.session.alignments)
            self.photographs = self.photographs[: len(self.crops)]

    def edit_state(self, amounts: Mapping[str, float]) -> EditState:
        """The amounts that move something, with all else that is done to the session's person."""
        assert self.session is not None
        state = self.session.edit_state
        return replace(state, amounts=moved(amounts), keep_background=self.keep_background)

    def nbytes(self) -> int:
        """Memory it holds, nearly."""
        files = {id(data): data for data in [*self.photographs, *self.originals]}
        total = sum(map(len, files.values())) + sum(map(_nbytes, self.crops))
        total += self.renders.nbytes()
        if self.session is not None:
            session = self.session
            tensors = [session.pivots, *session.delta.tensors.values()]
            tensors += [tensor for maps in session.noise for tensor in maps.values()]
            total += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
            total += sum(len(data) for data in [*session.photographs, *session.crops])
        return total


class Workspaces:
    """All workspaces, least recently used first; safe to use from several threads.

    Args:
        max_mb: bound on what they hold together, in MiB. A single workspace may exceed it.
        now: a clock that does not jump, in seconds.
    """

    def __init__(self, max_mb: float, now: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes, self._now = int(max_mb * 2**20), now
        self._workspaces: OrderedDict[str, Workspace] = OrderedDict()
        self._lock = threading.Lock()

    def new(self, address: str = "") -> Workspace:
        """A new workspace. address: the network that it is for; "" if that is not known."""
        workspace = Workspace(address=address, used=self._now())
        with self._lock:
            self._workspaces[workspace.id] = workspace
        return workspace

    def get(self, workspace_id: str) -> Workspace:
        """The workspace, which counts as used now.

        Raises:
            NoWorkspaceError: there is none.
        """
        with self._lock:
            workspace = (
                self._workspaces.get(workspace_id) if isinstance(workspace_id, str) else None
            )
            if workspace is None:
                raise NoWorkspaceError(
                    "What you worked on is no longer kept here (there is room for a few people "
                    "only); open your session file, or begin with the photograph again."
                )
            self._workspaces.move_to_end(workspace_id)
            workspace.used = self._now()
            return workspace

    def get_or_new(self, workspace_id: str | None, address: str = "") -> Workspace:
        """`get` of an identifier; without one `new`."""
        return self.get(workspace_id) if workspace_id else self.new(address)

    def close(self, workspace_id: str) -> None:
        """Remove a workspace; unknown identifiers are ignored."""
        with self._lock:
            workspace = self._workspaces.pop(workspace_id, None)
        if workspace is not None:
            workspace.over.set()

    def visit(self, workspace_id: str) -> bool:
        """Count one more page that shows it. Returns whether the workspace exists."""
        with self._lock:
            workspace = self._workspaces.get(workspace_id)
            if workspace is not None:
                workspace.visits += 1
                workspace.used = self._now()
            return workspace is not None

    def use(self, workspace_id: str) -> None:
        """A page still shows it; unknown identifiers are ignored."""
        with suppress(NoWorkspaceError):
            self.get(workspace_id)

    def drop_unused(self, busy: Callable[[str], object], seconds: float = UNUSED_SECONDS) -> None:
        """Remove those that nobody used for so long: no page may ever have been told of one, and
        programs come and go. busy: whether there is work for one."""
        for workspace_id in self:
            if busy(workspace_id):
                continue
            with self._lock:
                workspace = self._workspaces.get(workspace_id)
                old = workspace is not None and workspace.used <= self._now() - seconds
            if old:
                self.close(workspace_id)

    def leave(self, workspace_id: str) -> bool:
        """Count one page less that shows it. Returns whether that was the last one."""
        with self._lock:
            workspace = self._workspaces.get(workspace_id)
            if workspace is not None:
                workspace.visits -= 1
            return workspace is None or workspace.visits <= 0

    def make_room(self, keep: str) -> None:
        """Forget images, then remove workspaces until the bound holds; `keep` always stays.

        The images that go first are those of the workspace that was used longest ago. The network
        address that holds most loses its least recently used workspace, so that large sessions of
        one person do not remove those of others. Each workspace of an unknown address counts alone.
        """
        with self._lock:
            sizes = {
                workspace_id: workspace.nbytes()
                for workspace_id, workspace in self._workspaces.items()
            }
            for workspace_id in sizes:
                if sum(sizes.values()) <= self._max_bytes:
                    return
                if workspace_id != keep:
                    workspace = self._workspaces[workspace_id]
                    workspace.renders.drop_images()
                    sizes[workspace_id] = workspace.nbytes()
            while sum(sizes.values()) > self._max_bytes:
                gone = self._next_to_go(sizes, keep)
                if gone is None:
                    return
                self._workspaces.pop(gone).over.set()
                del sizes[gone]

    def _next_to_go(self, sizes: dict[str, int], keep: str) -> str | None:
        """The workspace to remove. sizes: in bytes by identifier, least recently used first."""
        held: Counter[str] = Counter()
        for workspace_id, size in sizes.items():
            held[self._workspaces[workspace_id].address] += size
        known = [address for address in held if address]
        greediest = max(known, key=held.__getitem__, default="")
        # While no known address exceeds its share: the least recently used of all.
        if not greediest or held[greediest] * FAIR_SHARE < self._max_bytes:
            return next((one for one in sizes if one != keep), None)
        own = [one for one in sizes if self._workspaces[one].address == greediest and one != keep]
        return next(iter(own), next((one for one in sizes if one != keep), None))

    def nbytes(self) -> int:
        with self._lock:
            return sum(workspace.nbytes() for workspace in self._workspaces.values())

    def __len__(self) -> int:
        return len(self._workspaces)

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter(list(self._workspaces))


def _crops_of(session: Session) -> list[Image.Image]:
    return [session.crop(person) for person in range(len(session.crops))]


def _nbytes(image: Image.Image) -> int:
    return 3 * image.width * image.height
