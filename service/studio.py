"""The work behind the page, for several people at once, without the page.

Importing this is quick: networks and the libraries that run them are loaded in the background.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pti_core.errors import PhotographError, SessionError, UserError
from service.edit_service import SCREEN_SIDE, VIEWS, EditService, Likeness, moved
from service.executors import Executor, InProcess, OnLoan, Order
from service.face_choice import find_face
from service.generator_choices import GeneratorChoices
from service.job_queue import Caller, Job, JobQueue
from service.lazy_loader import LazyLoader, Report
from service.time_estimates import plan_of, planned, seconds_of
from service.workspaces import Workspace, Workspaces

__all__ = ["PRESET_NAMES", "SCREEN_SIDE", "VIEWS", "Likeness", "Studio"]

if TYPE_CHECKING:
    from pti_core.faces.framing import Where
    from pti_core.inversion.presets import Preset
    from pti_core.models import EditKit, Toolkit
    from pti_core.progress import OnStep
    from pti_core.session.session import Session
    from service.share_store import Store
    from service.zero_gpu import GpuLoan

#: Names of the presets that come with the product, known before they are loaded.
PRESET_NAMES = ("fast", "paper")
#: A desk with a session holds 20 to 40 MB.
DEFAULT_KEEP_MB = 1024


class Studio(EditService):
    """Workspaces, the queue of personalisations, and the networks they share.

    Args:
        load: gives the networks; it is told where to report downloads.
        presets: by name; the product's by default.
        keep_mb: bound on the memory that desks hold together.
        load_other: gives what edits need for a generator of another name, for session files.
        generator: what `load` was asked for: the name under which its networks may be chosen.
        others: by name, what gives the networks of another generator, loaded when first chosen.
        gpu_loan: what lends a GPU to a computation while it runs; edits use the CPU then.
        executor: what computes personalisations; this process (or the loan) by default.
        line: where they wait; one as wide as the executor by default.
        editor: gives what edits need of the first choice, before `load` is done.
    """

    def __init__(
        self,
        load: Callable[[Report], Toolkit],
        presets: Mapping[str, Preset] | None = None,
        keep_mb: float = DEFAULT_KEEP_MB,
        load_other: Callable[[str], EditKit] | None = None,
        gpu_loan: GpuLoan | None = None,
        generator: str = "auto",
        others: Mapping[str, Callable[[Report], Toolkit]] | None = None,
        executor: Executor | None = None,
        line: JobQueue | None = None,
        editor: LazyLoader[EditKit] | None = None,
    ) -> None:
        choices = GeneratorChoices(load, generator, others, load_other, bool(gpu_loan), editor)
        super().__init__(Workspaces(keep_mb), choices)
        self.generator_names = choices.names
        here = OnLoan(choices.toolkit, gpu_loan) if gpu_loan else InProcess(choices.toolkit)
        self._executor: Executor = executor or here
        self.line = JobQueue(workers=self._executor.workers) if line is None else line
        self.preset_names = tuple(presets or PRESET_NAMES)
        self._presets = presets
        self.face_finding = threading.Lock()

    def align(
        self,
        photograph: bytes | Path,
        desk_id: str | None = None,
        address: str = "",
        face: Where = 0,
    ) -> Workspace:
        """Find the face; it lies on the desk from then on, beside what was made before.

        address: the network of whoever asks, for whom a new desk counts; "" if it is not known.
        face: which one, as `FaceFinder.all_landmarks` counts them; 0 is the largest.

        Raises:
            PhotographError, NoFaceError, UserError: the desk keeps what it had.
        """
        found = find_face(self, photograph, face)
        desk = self.desks.get(desk_id) if desk_id else self.desks.new(address)
        desk.photographs, desk.crops, desk.note = [found.data], [found.crop], found.note
        desk.faces, desk.boxes, desk.code = [face], found.boxes, None
        self.desks.make_room(keep=desk.id)
        return desk

    def choose_face(self, desk_id: str, face: Where) -> Workspace:
        """Use another face of the workspace's first photograph. Raises as `align` does."""
        desk = self.desks.get(desk_id)
        if not desk.photographs:
            raise UserError("Choose a photograph first.")
        found = find_face(self, desk.photographs[0], face)
        desk.crops, desk.faces = [found.crop, *desk.crops[1:]], [face, *desk.faces[1:]]
        desk.boxes = found.boxes
        return desk

    def add(
        self, photographs: Sequence[bytes | Path], desk_id: str | None = None, address: str = ""
    ) -> Workspace:
        """Further photographs beside those on the desk; its note names those that are left out.

        Raises PhotographError, NoFaceError, UserError: none can be used, or they are too many.
        """
        from pti_core.session.header import MAX_PEOPLE

        there = self.desks.get(desk_id).photographs if desk_id else []
        if len(there) + len(photographs) > MAX_PEOPLE:
            raise UserError(f"A generator is shared by {MAX_PEOPLE} photographs at most.")
        found, notes = [], []
        for number, photograph in enumerate(photographs, 1):
            name = photograph.name if isinstance(photograph, Path) else f"photograph {number}"
            try:
                found.append(find_face(self, photograph))
                notes += [f"{name}: {found[-1].note}"] if found[-1].note else []
            except PhotographError as error:
                if len(photographs) == 1:
                    raise
                notes.append(f"{name} is left out: {error}")
        if not found:
            raise PhotographError("None of the photographs can be used. " + " ".join(notes))
        desk = self.desks.get(desk_id) if desk_id else self.desks.new(address)
        desk.boxes = desk.boxes or found[0].boxes
        desk.faces = [*desk.faces, *(0 for _ in found)]
        desk.photographs = [*desk.photographs, *(one.data for one in found)]
        desk.crops = [*desk.crops, *(one.crop for one in found)]
        desk.note = " ".join(notes)
        self.desks.make_room(keep=desk.id)
        return desk

    def personalise(
        self,
        desk_id: str,
        preset: str = "fast",
        seed: int = 0,
        generator: str = "",
        person: Caller = Caller(),  # noqa: B008 - frozen
    ) -> Job:
        """Put the personalisation of the desk's photographs into the line.

        `generator` is one of `generator_names`; the first by default. `person`: for whom the place
        in the line counts. The job's result is the report; the session lies on the desk then. What
        lay there before stays until then, and for good if the job fails.

        Raises:
            NoWorkspaceError, UserError: no such desk, nothing on it, an unknown preset or
                generator, a full line, a person who has a place in it already.
        """
        desk = self.desks.get(desk_id)
        if not desk.photographs:
            raise UserError("Choose a photograph first; then its face can be learned.")
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise UserError("The seed is a whole number from 0 to 4294967295; give such a one.")
        chosen, name = self._preset(preset), generator or self.generator_names[0]
        if name not in self.generator_names:
            known = " or ".join(self.generator_names)
            raise UserError(f"There is no generator named {name!r}; use {known}.")

        def work(on_step: OnStep) -> dict[str, Any]:
            session, report = self._executor.personalise(order, on_step)
            self._lay(desk, report, session)
            return report

        order = Order(
            tuple(desk.photographs), chosen, seed, name, None, tuple(desk.faces), desk.code
        )
        kind, plan = planned(chosen, len(desk.photographs))
        return self.line.submit(work, plan, owner=desk_id, kind=kind, person=person)

    def refine(
        self,
        desk_id: str,
        edits: Mapping[str, float],
        preset: str = "fast",
        seed: int = 0,
        person: Caller = Caller(),  # noqa: B008 - frozen
    ) -> Job:
        """Put more tuning of the desk's session into the line; else as `personalise`.

        The best weights are kept, those of before included. edits: what the session has then.

        Raises:
            NoWorkspaceError, UserError: no such desk, no session on it, an unknown preset, a full
                line, a generator that cannot be tuned here.
        """
        desk, chosen = self._with_session(desk_id), self._preset(preset)
        assert desk.session is not None
        session = dataclasses.replace(desk.session, edits=moved(edits))
        name = self.choices.choice_of(session.generator_name)
        order = Order((), chosen, seed, name, session)

        def work(on_step: OnStep) -> dict[str, Any]:
            refined, report = self._executor.personalise(order, on_step)
            self._lay(desk, report, refined)
            return report

        going_on = dataclasses.replace(chosen, tuning=chosen.refining or chosen.tuning)
        kind, plan = planned(going_on, len(session.crops))
        kind = f"{kind}, refining"
        return self.line.submit(work, plan[1:], owner=desk_id, kind=kind, person=person)

    def stop(self, desk_id: str) -> bool:
        """Have the desk's personalisation end with what it has reached; whether there is one."""
        job = self.line.job_of(desk_id)
        if job is not None:
            job.stop()
        return job is not None

    def expected_seconds(self, preset: str) -> float:
        """How long a personalisation submitted now would take, the line included."""
        own = self.line.paced(plan_of(self._preset(preset)), preset)
        return self.line.waiting_seconds() + seconds_of(own)

    def open(
        self, source: bytes | Path, desk_id: str | None = None, address: str = ""
    ) -> Workspace:
        """Lay a session file on the desk. address: as in `align`.

        Raises:
            SessionError: it is none, or not for a generator that is had here; the desk keeps what
                it had.
            CheckpointError: the generator that it needs cannot be had.
        """
        from pti_core.editing import directions
        from pti_core.session.session import Session

        session = Session.open(source)
        kit = self.choices.edit_kit(session.generator_name)
        session.check_generator(kit.generator)
        # An edit that this version does not know is said now, not at the first slider.
        directions.apply(session.pivot(), session.edits, session.directions(kit.directions))
        desk = self.desks.get(desk_id) if desk_id else self.desks.new(address)
        if self.line.job_of(desk.id) is not None:
            raise SessionError("A face is being learned here; stop that or let it end first.")
        report = session.made.get("report")
        desk.photographs = list(session.photographs)
        desk.faces, desk.boxes = [], []
        self._lay(desk, report if isinstance(report, dict) else {}, session)
        return desk

    def open_share(self, store: Store, share: Any, address: str = "") -> tuple[Workspace, str]:
        """A copy of what a link shows, on a desk of its own, and its view. address: as in `align`.

        Raises as `Store.session` and `open` do.
        """
        record = store.record(share)
        desk = self.open(store.session(share), address=address)
        return desk, record.view if record.view in VIEWS else VIEWS[0]

    def leave(self, desk_id: str | None) -> None:
        """A page is closed for good; what no other page shows is forgotten."""
        if desk_id and self.desks.leave(desk_id):
            self.forget(desk_id)

    def forget(self, desk_id: str | None) -> None:
        """Close a desk: its job is stopped and nothing of it is kept."""
        if desk_id:
            self.stop(desk_id)
            self.desks.close(desk_id)

    def _preset(self, name: str) -> Preset:
        from pti_core.inversion.presets import PRESETS

        presets = self._presets or PRESETS
        if name not in presets:
            raise UserError(f"There is no preset named {name!r}; use {' or '.join(presets)}.")
        return presets[name]

    def _lay(self, desk: Workspace, report: dict[str, Any], session: Session) -> None:
        desk.crops = [session.crop(person) for person in range(len(session.crops))]
        desk.report, desk.session = report, session
        desk.shown = {}  # last: what is in it belongs to the session
        self.desks.make_room(keep=desk.id)
