"""The work behind the page, for several people at once, without the page.

Importing this is quick: networks and the libraries that run them are loaded in the background.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pti_core.errors import SessionError, UserError
from pti_core.progress import work_of
from service.executors import Executor, InProcess, OnLoan, Order
from service.job_queue import Caller, Job, JobQueue, Stage
from service.lazy_loader import LazyLoader, Report
from service.workspaces import Workspace, Workspaces

if TYPE_CHECKING:
    from PIL import Image

    from pti_core.editing.text_edit import StackEntry
    from pti_core.inversion.presets import Preset
    from pti_core.models import EditKit, Toolkit
    from pti_core.progress import OnStep
    from pti_core.session.session import Session
    from service.live_preview import Previewer
    from service.share_store import Record, Store

#: What `picture` shows: the aligned face, or the face in its photograph.
VIEWS = ("face", "photograph")
#: Names of the presets that come with the product, known before they are loaded.
PRESET_NAMES = ("fast", "paper")
#: A desk with a session holds 20 to 40 MB.
DEFAULT_KEEP_MB = 1024
#: Longest side of a photograph on the screen; downloads have its own resolution.
SCREEN_SIDE = 1600
#: Side of what follows a slider while it moves.
PREVIEW_SIDE = 512

# Seconds on two CPU cores, to begin with: a step at 1024 without its perceptual part, the
# perceptual network forward and backward a million pixels, fitting the edits to the person, and
# comparing the result with the photograph. With these, presets take what they did on cores with
# AVX-512 (benchmarks/README.md). Measured steps replace the guess.
_STEP_SECONDS, _PERCEPTUAL_SECONDS, _FIT_SECONDS, _MEASURE_SECONDS = 0.4, 1.8, 6.0, 3.0


@dataclasses.dataclass(frozen=True)
class Likeness:
    """How near an edited face is to the photograph's.

    distance: of `network`'s embeddings. same_person: under this distance it takes two pictures for
    one person.
    """

    distance: float
    same_person: float
    network: str


class Studio:
    """Workspaces, the line of personalisations, and the networks they share.

    Args:
        load: gives the networks; it is told where to report downloads.
        presets: by name; the product's by default.
        keep_mb: bound on the memory that desks hold together.
        load_other: gives what edits need for a generator of another name, for session files.
        generator: what `load` was asked for: the name under which its networks may be chosen.
        others: by name, what gives the networks of another generator that may be chosen for a
            personalisation; they are loaded when that is first done.
        gpu_loan: decorates the generator function that computes where a GPU is there only while it
            runs, maybe in another process; edits are computed on the CPU then.
        executor: what computes personalisations; this process (or the loan) by default.
        line: where they wait; one as wide as the executor by default.
    """

    def __init__(
        self,
        load: Callable[[Report], Toolkit],
        presets: Mapping[str, Preset] | None = None,
        keep_mb: float = DEFAULT_KEEP_MB,
        load_other: Callable[[str], EditKit] | None = None,
        gpu_loan: Callable[[Any], Any] | None = None,
        generator: str = "auto",
        others: Mapping[str, Callable[[Report], Toolkit]] | None = None,
        executor: Executor | None = None,
        line: JobQueue | None = None,
    ) -> None:
        self.networks: LazyLoader[Toolkit] = LazyLoader(load)
        self._choices = {
            generator: self.networks,
            **{name: LazyLoader(loading) for name, loading in (others or {}).items()},
        }
        self.generator_names = tuple(self._choices)
        self._editors: dict[str, EditKit] = {}  # by the generator's name
        self._load_other = load_other
        self._lent = gpu_loan is not None
        here = OnLoan(self._toolkit, gpu_loan) if gpu_loan else InProcess(self._toolkit)
        self._executor: Executor = executor or here
        # An empty line is false, too.
        self.line = JobQueue(workers=self._executor.workers) if line is None else line
        self.desks = Workspaces(keep_mb)
        self.preset_names = tuple(presets or PRESET_NAMES)
        self._presets = presets
        self._face_finding = threading.Lock()
        self._rendering = threading.Lock()

    def align(self, photograph: bytes | Path, desk_id: str | None = None) -> Workspace:
        """Find the face; it lies on the desk from then on, beside what was made before.

        Raises:
            PhotographError, NoFaceError: the desk keeps what it had.
        """
        data, crop = self._found(photograph)
        desk = self.desks.get(desk_id) if desk_id else self.desks.new()
        desk.photographs, desk.crops = [data], [crop]
        self.desks.make_room(keep=desk.id)
        return desk

    def add(self, photographs: Sequence[bytes | Path], desk_id: str | None = None) -> Workspace:
        """Further photographs beside those on the desk, to share one generator: all, or none.

        Raises:
            PhotographError, NoFaceError, UserError: one of them is none, or they are too many.
        """
        from pti_core.session.file_format import MAX_PEOPLE

        there = self.desks.get(desk_id).photographs if desk_id else []
        if len(there) + len(photographs) > MAX_PEOPLE:
            raise UserError(f"A generator is shared by {MAX_PEOPLE} photographs at most.")
        found = [self._found(photograph) for photograph in photographs]
        desk = self.desks.get(desk_id) if desk_id else self.desks.new()
        desk.photographs = [*desk.photographs, *(data for data, _ in found)]
        desk.crops = [*desk.crops, *(crop for _, crop in found)]
        self.desks.make_room(keep=desk.id)
        return desk

    def _found(self, photograph: bytes | Path) -> tuple[bytes, Image.Image]:
        """A photograph's bytes and the aligned face in it."""
        from pti_core.faces.align import align
        from pti_core.faces.images import open_photograph

        data = photograph if isinstance(photograph, bytes) else _read(photograph)
        kit = self.networks.get()
        image = open_photograph(data)
        with self._face_finding:
            landmarks = kit.faces.landmarks(image)
        return data, align(image, landmarks, kit.generator.resolution)[0]

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
        in the line counts. The job's result is the
        report; the session lies on the desk then. What lay there before stays until then, and for
        good if the job fails.

        Raises:
            NoWorkspaceError, UserError: no such desk, nothing on it, an unknown preset or
                generator, a full line, a person who has a place in it already.
        """
        desk = self.desks.get(desk_id)
        if not desk.photographs:
            raise UserError("Choose a photograph first; then it can be personalised.")
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
            raise UserError("The seed is a whole number from 0 to 4294967295; give such a one.")
        chosen, name = self._preset(preset), generator or self.generator_names[0]
        if name not in self._choices:
            known = " or ".join(self.generator_names)
            raise UserError(f"There is no generator named {name!r}; use {known}.")

        def work(on_step: OnStep) -> dict[str, Any]:
            session, report = self._executor.personalise(order, on_step)
            self._lay(desk, report, session)
            return report

        order = Order(tuple(desk.photographs), chosen, seed, name)
        kind, plan = _planned(chosen, len(desk.photographs))
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
        session = dataclasses.replace(desk.session, edits=_moved(edits))
        name = self._choice_of(session.generator_name)
        order = Order((), chosen, seed, name, session)

        def work(on_step: OnStep) -> dict[str, Any]:
            refined, report = self._executor.personalise(order, on_step)
            self._lay(desk, report, refined)
            return report

        going_on = dataclasses.replace(chosen, tuning=chosen.refining or chosen.tuning)
        kind, plan = _planned(going_on, len(session.crops))
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
        return self.line.waiting_seconds() + sum(stage.steps * stage.seconds for stage in own)

    def open(self, source: bytes | Path, desk_id: str | None = None) -> Workspace:
        """Lay a session file on the desk.

        Raises:
            SessionError: it is none, or not for a generator that is had here; the desk keeps what
                it had.
            CheckpointError: the generator that it needs cannot be had.
        """
        from pti_core.editing import directions
        from pti_core.session.session import Session

        session = Session.open(source)
        kit = self._edit_kit(session.generator_name)
        session.check_generator(kit.generator)
        # An edit that this version does not know is said now, not at the first slider.
        directions.apply(session.pivot(), session.edits, session.directions(kit.directions))
        desk = self.desks.get(desk_id) if desk_id else self.desks.new()
        if self.line.job_of(desk.id) is not None:
            raise SessionError("Your personalisation is running; stop it or let it end first.")
        report = session.made.get("report")
        desk.photographs = list(session.photographs)
        self._lay(desk, report if isinstance(report, dict) else {}, session)
        return desk

    def turn_to(self, desk_id: str, person: int, edits: Mapping[str, float]) -> Session:
        """Show another person of the desk's session, with these edits as far as theirs go.

        Raises NoWorkspaceError, UserError: no such desk, nothing on it, nobody of that number.
        """
        desk = self._with_session(desk_id)
        session = desk.session
        assert session is not None
        if not isinstance(person, int) or not 0 <= person < len(session.crops):
            raise UserError(f"There are {len(session.crops)} people here, counted from 0.")
        own = session.directions(self._edit_kit(session.generator_name).directions, person)
        kept = {n: min(max(a, own[n].low), own[n].high) for n, a in edits.items() if n in own}
        # First the session: who finds the new, empty `shown` must not fill it with the last person.
        desk.session = dataclasses.replace(session, person=person, edits=_moved(kept))
        desk.shown = {}
        return desk.session

    def picture(
        self, desk_id: str, edits: Mapping[str, float], view: str = "face", side: int | None = None
    ) -> Image.Image:
        """The edited picture; full resolution, or the longest side at most `side`.

        Raises:
            NoWorkspaceError, EditError, UserError: no such desk, no session on it, an edit out of
        range."""
        desk = self._with_session(desk_id)
        _check_view(view)
        return self._viewed(desk, self._face(desk, edits), view, side)

    def _viewed(
        self, desk: Workspace, face: Image.Image, view: str, side: int | None
    ) -> Image.Image:
        if view == "face":
            return _within(face, side)
        from pti_core.faces.paste import paste

        photograph, alignment = _photograph(desk, side)
        return paste(photograph, face, alignment)

    def screen(
        self, desk_id: str, edits: Mapping[str, float], view: str = "face", moving: bool = False
    ) -> tuple[bytes, bytes]:
        """Before and after for the screen, as JPEG files; `moving` asks for a quick, smaller one.

        Before is the aligned crop, or the photograph. Raises as `picture` does.
        """
        from pti_core.ai_mark import to_jpeg

        desk = self._with_session(desk_id)
        side = PREVIEW_SIDE if moving else SCREEN_SIDE
        after = to_jpeg(self.picture(desk_id, edits, view, side), 80 if moving else 92)
        shown, name = desk.shown, f"before, {view}"
        if name not in shown:
            assert desk.session is not None
            face = view == "face"
            before = desk.session.crop() if face else _photograph(desk, SCREEN_SIDE)[0]
            shown[name] = to_jpeg(before, 92)
        if not moving:
            session = self.session(desk_id)
            self._previewer.prepare(desk, self._edit_kit(session.generator_name))
        return shown[name], after

    def preview(self, desk_id: str, edits: Mapping[str, float], view: str = "face") -> bytes:
        """A small picture while a slider moves, as a JPEG file.

        It waits neither for full pictures nor for personalisations, where the generator has a
        quick way and the session's is prepared (`service.live_preview`; a second after `screen`);
        else it is the full picture, reduced. Raises as `picture` does.
        """
        from pti_core.ai_mark import to_jpeg

        desk = self._with_session(desk_id)
        _check_view(view)
        kit = self._edit_kit(self.session(desk_id).generator_name)
        face = self._previewer.picture(desk, kit, _moved(edits))
        if face is None:
            return to_jpeg(self.picture(desk_id, edits, view, PREVIEW_SIDE), 80)
        return to_jpeg(self._viewed(desk, face, view, PREVIEW_SIDE), 85)

    @cached_property
    def _previewer(self) -> Previewer:
        from service.live_preview import Previewer

        return Previewer()

    def ranges(self, desk_id: str) -> dict[str, tuple[float, float]]:
        """Direction name to how far it goes for the person of the desk's session."""
        session = self._with_session(desk_id).session
        assert session is not None
        own = session.directions(self._edit_kit(session.generator_name).directions)
        return {name: (direction.low, direction.high) for name, direction in own.items()}

    def likeness(self, desk_id: str, edits: Mapping[str, float]) -> Likeness | None:
        """How near the edited face is to the photograph's; None without a network for it.

        Raises as `picture` does.
        """
        desk = self._with_session(desk_id)
        identity = self.networks.get().identity
        if identity is None:
            return None
        face, shown = self._face(desk, edits), desk.shown
        if "embedding" not in shown:
            assert desk.session is not None
            shown["embedding"] = identity.embedding(desk.session.crop())
        distance = identity.distance(shown["embedding"], face)
        return Likeness(distance, identity.same_person, identity.name)

    def variation(self, desk_id: str, seed: int) -> dict[str, float]:
        """Random edits within the person's ranges; the same for the same seed."""
        from pti_core.editing.random_edits import random_edits

        return random_edits(self.ranges(desk_id), seed)

    def strip(
        self, desk_id: str, edits: Mapping[str, float], name: str, count: int = 7, side: int = 192
    ) -> Iterator[tuple[float, Image.Image]]:
        """One edit across its range on top of the others: amounts and small pictures, one by one.

        Raises as `picture` does.
        """
        ranges = self.ranges(desk_id)
        if name not in ranges:
            raise UserError(f"There is no edit named {name!r}.")
        low, high = ranges[name]
        for index in range(count):
            amount = low + (high - low) * index / (count - 1)
            with self._rendering:
                face = self._rendered(self._with_session(desk_id), {**edits, name: amount})
            yield amount, _within(face, side)

    def frames(
        self,
        desk_id: str,
        states: Sequence[Mapping[str, float]],
        view: str = "face",
        side: int | None = None,
    ) -> Iterator[Image.Image]:
        """The pictures of several states of edits, one by one. Takes and raises what `picture`
        does."""
        _check_view(view)
        for state in states:
            desk = self._with_session(desk_id)
            with self._rendering:
                face = self._rendered(desk, state)
            yield self._viewed(desk, face, view, side)

    def session_file(self, desk_id: str, edits: Mapping[str, float]) -> bytes:
        """The session's file, with these edits in it. Raises as `picture` does."""
        desk = self._with_session(desk_id)
        from pti_core.editing import directions

        session = desk.session
        assert session is not None
        kit = self._edit_kit(session.generator_name)
        directions.apply(session.pivot(), edits, session.directions(kit.directions))
        return dataclasses.replace(session, edits=_moved(edits)).to_bytes()

    def session(self, desk_id: str) -> Session:
        """The session on the desk. Raises NoWorkspaceError, or UserError: nothing is on it."""
        session = self._with_session(desk_id).session
        assert session is not None
        return session

    def edit_kit(self, desk_id: str) -> EditKit:
        """What renders the desk's session; for one thread at a time. Raises as `session` does."""
        return self._edit_kit(self.session(desk_id).generator_name)

    def restack(self, desk_id: str, entries: Sequence[StackEntry]) -> None:
        """Replace the text edits of the desk's session. Raises as `session` does."""
        desk = self._with_session(desk_id)
        assert desk.session is not None
        desk.session = dataclasses.replace(desk.session, stack=list(entries))

    @contextlib.contextmanager
    def rendering(self) -> Iterator[None]:
        """While this is held no edit is rendered: each takes all cores, and a network of its own
        would be needed for two at a time."""
        with self._rendering:
            yield

    def share(
        self,
        store: Store,
        secret: str,
        desk_id: str,
        edits: Mapping[str, float],
        view: str = "face",
        name: str = "",
    ) -> Record:
        """Keep the session with these edits in the store, for everybody who gets its identifier.

        secret: the owner's, which allows to rename and delete it (`store.new_secret`). Raises as
        `picture` does, and ShareError where it cannot be kept.
        """
        from service.share_card import draw_card

        data = self.session_file(desk_id, edits)
        session = self._with_session(desk_id).session
        assert session is not None
        after = self.picture(desk_id, edits, view)
        before = session.crop() if view == "face" else session.photograph()
        card = draw_card(before, after, self._caption(session.generator_name, _moved(edits)))
        return store.save(data, secret, view=view, card=card, name=name)

    def open_share(self, store: Store, share: Any) -> tuple[Workspace, str]:
        """A copy of what a link shows, on a desk of its own, and its view.

        Raises as `Store.session` and `open` do.
        """
        record = store.record(share)
        desk = self.open(store.session(share))
        return desk, record.view if record.view in VIEWS else VIEWS[0]

    def _caption(self, generator: str, edits: Mapping[str, float]) -> str:
        known = self._edit_kit(generator).directions
        parts = [
            " ".join(filter(None, (known[name].label, f"{amount:+.3g}", known[name].unit)))
            for name, amount in edits.items()
        ]
        return ", ".join(parts) or "As in the photograph"

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

    def _toolkit(self, generator: str) -> Toolkit:
        """The networks of a choice. One that ends at the first's generator shares the first's."""
        first, chosen = self.networks.get(), self._choices[generator].get()
        if chosen.generator.fingerprint == first.generator.fingerprint:
            return dataclasses.replace(first, about=chosen.about)
        return chosen

    def _choice_of(self, name: str) -> str:
        """The choice that has the generator of that name, which may have to be loaded yet."""
        for choice, networks in self._choices.items():
            if networks.ready and networks.get().generator.name == name:
                return choice
        if name in self._choices:
            return name
        raise UserError(f"The session's generator {name!r} cannot be tuned here; personalise anew.")

    def _lay(self, desk: Workspace, report: dict[str, Any], session: Session) -> None:
        desk.crops = [session.crop(person) for person in range(len(session.crops))]
        desk.report, desk.session = report, session
        desk.shown = {}  # last: what is in it belongs to the session
        self.desks.make_room(keep=desk.id)

    def _with_session(self, desk_id: str) -> Workspace:
        desk = self.desks.get(desk_id)
        if desk.session is None:
            raise UserError("There is nothing to edit yet; personalise a photograph first.")
        return desk

    def _face(self, desk: Workspace, edits: Mapping[str, float]) -> Image.Image:
        """The aligned picture; the latest is kept, as the same is asked for in several sizes."""
        from service.live_preview import Start

        wanted, shown = _moved(edits), desk.shown
        with self._rendering:  # one at a time: each takes all cores
            assert desk.session is not None
            stack = tuple(desk.session.stack)
            if (shown.get("edits"), shown.get("stack")) != (wanted, stack):
                shown.update(face=self._rendered(desk, wanted), edits=wanted, stack=stack)
                shown["start"] = Start(wanted, stack, shown["face"])
            return shown["face"]

    def _rendered(self, desk: Workspace, edits: Mapping[str, float]) -> Image.Image:
        from pti_core.rendering import render

        session = desk.session
        assert session is not None
        kit = self._edit_kit(session.generator_name)
        return render(session, kit, _moved(edits), stack=tuple(session.stack))

    def _edit_kit(self, name: str) -> EditKit:
        """The networks of an edit, which may run beside a personalisation: a twin of its own."""
        ready = {
            kit.generator.name: kit
            for kit in (networks.get() for networks in self._choices.values() if networks.ready)
        }
        if name not in self._editors:
            if name in ready:
                self._editors[name] = self._own_editor(ready[name])
            elif self._load_other is not None:
                self._editors[name] = self._load_other(name)
            else:  # what it lacks is said by whoever checks the session against it
                return self._own_editor(self.networks.get())
        return self._editors[name]

    def _own_editor(self, kit: Toolkit) -> EditKit:
        from pti_core.models import EditKit

        if self._lent:  # the GPU is not there between two loans
            import torch

            own = copy.deepcopy(kit.generator).place(torch.device("cpu"))
        else:
            own = kit.generator.twin()
        return EditKit(generator=own, directions=kit.directions, parser=kit.parser)


def _planned(preset: Preset, people: int) -> tuple[str, list[Stage]]:
    """What is learned of such jobs under one name, and their stages."""
    together = preset.name if people == 1 else f"{preset.name}, {people} people"
    return together, plan_of(preset, people)


def plan_of(preset: Preset, people: int = 1) -> list[Stage]:
    """The stages of a personalisation with their usual steps and a guess at a step's seconds."""

    def seconds(*sides: int) -> float:
        return _STEP_SECONDS + _PERCEPTUAL_SECONDS * sum((side / 1024) ** 2 for side in sides)

    projection, tuning = preset.projection, preset.tuning
    turns = [view.window or view.size for view in (*tuning.lpips_in_turn, *tuning.lpips_late)]
    tune = seconds(*(view.window or view.size for view in tuning.lpips_views))
    if turns:
        every = len(turns) * tuning.views_every
        tune += sum(seconds(side) - _STEP_SECONDS for side in turns) / every
    if tuning.locality_samples:
        tune += seconds(tuning.locality_size) * tuning.locality_samples / tuning.locality_every
    if tuning.lambda_edits:  # one more picture
        tune += _STEP_SECONDS / tuning.edits_every
    invert = seconds(projection.lpips_size)
    invert, tune = (
        step * work_of(1.0, stage.coarse_share)
        for step, stage in ((invert, projection), (tune, tuning))
    )
    return [
        Stage("invert", people * projection.steps, invert),
        Stage("tune", people * tuning.steps, tune),
        Stage("fit edits", 1, people * _FIT_SECONDS),
        Stage("measure", 1, people * _MEASURE_SECONDS),
    ]


def _moved(edits: Mapping[str, float]) -> dict[str, float]:
    """The edits that move something."""
    return {name: amount for name, amount in edits.items() if amount != 0}


def _check_view(view: str) -> None:
    if view not in VIEWS:
        raise UserError(f"There is no view named {view!r}; use {' or '.join(VIEWS)}.")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError("The file did not arrive; please choose it again.") from error


def _within(image: Image.Image, side: int | None) -> Image.Image:
    if side is None or max(image.size) <= side:
        return image
    factor = side / max(image.size)
    size = (max(round(image.width * factor), 1), max(round(image.height * factor), 1))
    return image.resize(size, reducing_gap=2.0)


def _photograph(desk: Workspace, side: int | None) -> tuple[Image.Image, Any]:
    """The photograph and where the face lies in it, reduced to a longest side of `side`."""
    from pti_core.faces.align import Alignment

    assert desk.session is not None
    alignment = desk.session.alignments[desk.session.person]
    if side is None or max(alignment.photo_size) <= side:
        return desk.session.photograph(), alignment
    shown, name = desk.shown, f"photograph {side}"
    if name not in shown:
        shown[name] = _within(desk.session.photograph(), side)
    small = shown[name]
    factor = side / max(alignment.photo_size)
    quad = tuple((x * factor, y * factor) for x, y in alignment.quad)
    return small, Alignment(quad, small.size)
