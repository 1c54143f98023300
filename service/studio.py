"""The work behind the page, for several people at once, without the page.

Importing this is quick: networks and the libraries that run them are loaded in the background.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pti_core.errors import PhotographError, SessionError, UserError
from service.drafts import Drafts
from service.edit_service import SCREEN_SIDE, VIEWS, EditService, Likeness
from service.executors import Executor, InProcess, OnLoan, Order
from service.face_choice import find_face
from service.generator_choices import GeneratorChoices, load_later
from service.job_queue import Caller, Job, JobQueue
from service.lazy_loader import LazyLoader, Report
from service.render_turns import RenderTurns
from service.time_estimates import Measure, planned, seconds_of
from service.workspaces import Workspace, Workspaces, moved

__all__ = ["PRESET_NAMES", "SCREEN_SIDE", "VIEWS", "Likeness", "Studio"]

if TYPE_CHECKING:
    from pti_core.faces.framing import Where
    from pti_core.inversion.presets import Preset
    from pti_core.models import EditModels, TuningModels
    from pti_core.progress import OnStep
    from pti_core.session.session import Session
    from service.share_store import Store
    from service.zero_gpu import GpuLoan

#: Names of the presets that come with the product, known before they are loaded.
PRESET_NAMES = ("fast", "paper")
#: Seconds without an edit after which what only learning needs is loaded: while somebody edits it
#: would slow every picture down. Who asks for it does not wait.
_QUIET = 4.0
#: A workspace with a session holds 20 to 40 MB.
DEFAULT_KEEP_MB = 1024


class Studio(EditService):
    """Workspaces, the queue of personalisations, and the networks they share.

    Args:
        load: gives the networks; it is told where to report downloads.
        presets: by name; the product's by default.
        keep_mb: bound on the memory that workspaces hold together.
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
        load: Callable[[Report], TuningModels],
        presets: Mapping[str, Preset] | None = None,
        keep_mb: float = DEFAULT_KEEP_MB,
        load_other: Callable[[str], EditModels] | None = None,
        gpu_loan: GpuLoan | None = None,
        generator: str = "auto",
        others: Mapping[str, Callable[[Report], TuningModels]] | None = None,
        executor: Executor | None = None,
        line: JobQueue | None = None,
        editor: LazyLoader[EditModels] | None = None,
    ) -> None:
        turns = RenderTurns()
        networks = load_later(load, editor, partial(turns.wait_until_quiet, _QUIET))
        choices = GeneratorChoices(networks, generator, others, load_other, bool(gpu_loan), editor)
        super().__init__(Workspaces(keep_mb), choices, turns)
        self.generator_names, load_here = choices.names, choices.tuning_models
        here = OnLoan(load_here, gpu_loan) if gpu_loan else InProcess(load_here)
        self._executor: Executor = executor or here
        self.line = JobQueue(workers=self._executor.workers) if line is None else line
        self.preset_names = tuple(presets or PRESET_NAMES)
        self._presets = presets
        self.face_finding = threading.Lock()

    def align(
        self,
        photograph: bytes | Path,
        workspace_id: str | None = None,
        address: str = "",
        face: Where = 0,
    ) -> Workspace:
        """Find a face in a photograph and keep both in the workspace, beside its session.

        address: network address that a new workspace counts for; "" if unknown.
        face: index as in `FaceFinder.all_landmarks`; 0 is the largest.

        Raises:
            PhotographError, NoFaceError, UserError: the workspace is unchanged.
        """
        found = find_face(self, photograph, face)
        workspace = self.workspaces.get_or_new(workspace_id, address)
        workspace.photographs, workspace.crops, workspace.faces = [found.data], [], []
        workspace.code = None
        workspace.use(face, found)
        self.workspaces.make_room(keep=workspace.id)
        return workspace

    def choose_face(self, workspace_id: str, face: Where) -> Workspace:
        """Use another face of the workspace's first photograph. Raises as `align` does."""
        workspace = self.workspaces.get(workspace_id)
        if not workspace.photographs:
            raise UserError("Choose a photograph first.")
        found = find_face(self, workspace.photographs[0], face)
        workspace.use(face, found)
        return workspace

    def add(
        self,
        photographs: Sequence[bytes | Path],
        workspace_id: str | None = None,
        address: str = "",
    ) -> Workspace:
        """Add photographs to the workspace; its `note` names those that are left out.

        Raises PhotographError, NoFaceError, UserError: none can be used, or there are too many.
        """
        from pti_core.session.header import MAX_PEOPLE

        there = self.workspaces.get(workspace_id).photographs if workspace_id else []
        if len(there) + len(photographs) > MAX_PEOPLE:
            raise UserError(f"{MAX_PEOPLE} photographs are learned together at most.")
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
        workspace = self.workspaces.get_or_new(workspace_id, address)
        boxes = workspace.boxes if workspace.photographs else found[0].boxes
        workspace.boxes, workspace.note = boxes, " ".join(notes)
        workspace.faces = [*workspace.faces, *(0 for _ in found)]
        workspace.photographs = [*workspace.photographs, *(one.data for one in found)]
        workspace.crops = [*workspace.crops, *(one.crop for one in found)]
        self.workspaces.make_room(keep=workspace.id)
        return workspace

    def personalise(
        self,
        workspace_id: str,
        preset: str = "fast",
        seed: int = 0,
        generator: str = "",
        person: Caller = Caller(),  # noqa: B008 - frozen
    ) -> Job:
        """Queue the personalisation of the workspace's photographs.

        generator: one of `generator_names`; the first by default. person: for whom the place in the
        line counts. The job's result is the report. The workspace gets drafts of the session, which
        can be edited, and the session at the end; what it had stays until the first of them.

        Raises:
            NoWorkspaceError, UserError: nothing to learn, an unknown name, no place in the line.
        """
        workspace = self.workspaces.get(workspace_id)
        if not workspace.photographs:
            raise UserError("Choose a photograph first; then its face can be learned.")
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise UserError("The seed is a whole number from 0 to 4294967295; give such a one.")
        chosen, name = self._preset(preset), generator or self.generator_names[0]
        if name not in self.generator_names:
            known = " or ".join(self.generator_names)
            raise UserError(f"There is no generator named {name!r}; use {known}.")

        def work(on_step: OnStep) -> dict[str, Any]:
            drafts = Drafts(workspace, order.photographs, self._set_session)
            session, report = self._executor.personalise(order, drafts.taken_from(on_step))
            drafts.replace(report, session, last=True)
            return report

        photographs, faces = tuple(workspace.photographs), tuple(workspace.faces)
        order = Order(photographs, chosen, seed, name, None, faces, workspace.code)
        kind, plan = planned(chosen, len(workspace.photographs))
        return self.line.submit(work, plan, owner=workspace_id, kind=kind, person=person)

    def refine(
        self,
        workspace_id: str,
        edits: Mapping[str, float],
        preset: str = "fast",
        seed: int = 0,
        person: Caller = Caller(),  # noqa: B008 - frozen
    ) -> Job:
        """Queue further tuning of the workspace's session; otherwise as `personalise`.

        The best weights are kept, those of before included. edits: what the session has then.

        Raises:
            NoWorkspaceError, UserError: no such workspace, no session on it, an unknown preset, a
                full line, a generator that cannot be tuned here.
        """
        workspace, chosen = self._with_session(workspace_id), self._preset(preset)
        assert workspace.session is not None
        session = dataclasses.replace(workspace.session, edits=moved(edits))
        order = Order((), chosen, seed, self.choices.choice_of(session.generator_name), session)

        def work(on_step: OnStep) -> dict[str, Any]:
            refined, report = self._executor.personalise(order, on_step)
            shown = workspace.session or refined
            self._set_session(workspace, report, refined.with_choices_of(shown))
            return report

        going_on = dataclasses.replace(chosen, tuning=chosen.refining or chosen.tuning)
        kind, plan = planned(going_on, len(session.crops))
        kind = f"{kind}, refining"
        return self.line.submit(work, plan[1:], owner=workspace_id, kind=kind, person=person)

    def stop(self, workspace_id: str) -> bool:
        """End the workspace's personalisation with what it has reached; whether there is one."""
        if (job := self.line.job_of(workspace_id)) is not None:
            job.stop()
        return job is not None

    def expected_seconds(self, preset: str, people: int = 1, until: Measure = seconds_of) -> float:
        """Seconds that a personalisation queued now takes, or `until` a draft, with the line."""
        kind, plan = planned(self._preset(preset), people)
        return self.line.waiting_seconds() + until(self.line.paced(plan, kind))

    def open(
        self, source: bytes | Path | Session, workspace_id: str | None = None, address: str = ""
    ) -> Workspace:
        """Open a session, or a file of one, in the workspace. address: as in `align`.

        Raises:
            SessionError: the file is not a session, or its generator is not available here; the
                workspace is unchanged.
            CheckpointError: the generator that it needs cannot be loaded.
        """
        from pti_core.editing import directions
        from pti_core.session.session import Session

        self.expect_edits()
        session = source if isinstance(source, Session) else Session.open(source)
        models = self.choices.edit_models(session.generator_name)
        session.check_generator(models.generator)
        # What this version does not know is said now.
        directions.apply(session.pivot(), session.edits, session.directions(models.directions))
        workspace = self.workspaces.get_or_new(workspace_id, address)
        if self.line.job_of(workspace.id) is not None:
            raise SessionError("A face is being learned here; stop that or let it end first.")
        report = session.made.get("report")
        workspace.photographs = workspace.originals = list(session.photographs)
        workspace.faces, workspace.boxes = list(session.alignments), []
        self._set_session(workspace, report if isinstance(report, dict) else {}, session)
        return workspace

    def open_share(self, store: Store, share: Any, address: str = "") -> tuple[Workspace, str]:
        """Open a copy of a share in a new workspace; returns it and the share's view.

        Raises as `Store.session` and `open` do.
        """
        record = store.record(share)
        workspace = self.open(store.session(share), address=address)
        return workspace, record.view if record.view in VIEWS else VIEWS[0]

    def leave(self, workspace_id: str | None) -> None:
        """A page was closed."""
        self.forget(workspace_id if workspace_id and self.workspaces.leave(workspace_id) else None)

    def forget(self, workspace_id: str | None) -> None:
        """Remove a workspace and stop its job."""
        if workspace_id:
            self.stop(workspace_id)
            self.workspaces.close(workspace_id)

    def _preset(self, name: str) -> Preset:
        from pti_core.inversion.presets import PRESETS

        presets = self._presets or PRESETS
        if name not in presets:
            raise UserError(f"There is no preset named {name!r}; use {' or '.join(presets)}.")
        return presets[name]

    def _set_session(self, workspace: Workspace, report: dict[str, Any], session: Session) -> None:
        self.choices.hand_over(workspace.session, session)
        workspace.set_session(session, report)
        self.workspaces.make_room(keep=workspace.id)
