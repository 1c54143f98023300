"""One personalisation after the other: a line of jobs, each with progress, an estimate and a stop.

A personalisation takes all cores of a machine for minutes, so as many run at a time as there are
machines to run them (one, as a rule), and the rest is told how long it will be. Nothing here knows
what a job does: it is a function that takes an `OnStep`.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from pti_core.errors import UserError
from service.job_limits import MAX_WAITING_JOBS, PLACES_OF_AN_ADDRESS
from service.time_estimates import Paces, Stage, TimeEstimate, seconds_of

if TYPE_CHECKING:
    from torch import Tensor

    from pti_core.progress import OnStep, Step

#: A job goes before those that wait and take more than so many times as long, ...
_MUCH_LONGER = 2.0
#: ... which are passed so many times at most.
_MAX_PASSED = 4

State = Literal["waiting", "running", "done", "failed", "left"]


class QueueFullError(UserError):
    """Too many wait already, or this person has a job in the line."""


@dataclass(frozen=True)
class Caller:
    """Whom a place in the line is counted for, as far as that can be told.

    Attributes:
        key: of a browser or a program; one place at a time. "" where nothing tells them apart.
        address: of the network; a few places at a time. "" where many may hide behind it.
    """

    key: str = ""
    address: str = ""


@dataclass(frozen=True)
class Progress:
    """Where a job stands at a moment.

    Attributes:
        state: "waiting" in the line, "running", or over: "done", "failed", "left" (stopped before
            it began).
        ahead: jobs that come before this one.
        stage: name of the stage that runs; "" before the first step and after the last one.
        index, total: step within the stage.
        done: share of the whole, 0 to 1.
        seconds_left: estimate to the end, the line included; None where nothing is known.
        to_draft: the same until something can be edited, and how much of that is done, 0 to 1.
        picture: the latest preview, (1, 3, R', R') in [-1, 1]; `pictures` counts them.
        losses: the latest step's.
        note: what the person should know besides; "" as a rule.
    """

    state: State = "waiting"
    ahead: int = 0
    stage: str = ""
    index: int = 0
    total: int = 0
    done: float = 0.0
    seconds_left: float | None = None
    to_draft: tuple[float, float] = (0.0, 0.0)
    picture: Tensor | None = None
    pictures: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "left")


class Job:
    """A piece of work in the line: watch it with `progress`, end it with `stop`.

    Attributes:
        owner: the workspace it belongs to, which has one job in the line.
        person: for whom its place is counted.
        planned: seconds that it was to take when it was submitted.
        passed: shorter jobs that went before it while it waited.
        result: what the work returned, once `progress().state` is "done".
        error: what it raised, once it is "failed".
    """

    def __init__(
        self,
        line: JobQueue,
        work: Callable[[OnStep], Any],
        plan: list[Stage],
        owner: str,
        kind: str = "",
        person: Caller = Caller(),
    ):
        self.owner, self.kind, self.person = owner, kind, person
        self.estimate = TimeEstimate(plan)
        self.planned = seconds_of(plan)
        self.passed = 0  # shorter jobs that went before it while it waited
        self.result: Any = None
        self.error: BaseException | None = None
        self._line = line
        self._work: Callable[[OnStep], Any] | None = work
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._state: State = "waiting"
        self._step: Step | None = None
        self._note = ""
        self._picture: Tensor | None = None
        self._pictures = 0
        self._watchers = 0

    @property
    def plan(self) -> list[Stage]:
        """Its stages, with what is known of their times by now."""
        return self.estimate.plan

    def stop(self) -> None:
        """End it soon: what is reached by then is its result. In the line, it leaves the line."""
        self._stop.set()
        self._line._drop(self)

    def watch(self) -> None:
        """Somebody looks at it from now on."""
        with self._lock:
            self._watchers += 1

    def unwatch(self, patience: float = 0) -> None:
        """One of those who looked is gone. A job that nobody looks at is stopped, unless somebody
        comes back within `patience` seconds."""
        with self._lock:
            self._watchers -= 1
        if patience <= 0:
            self._stop_unwatched()
            return
        timer = threading.Timer(patience, self._stop_unwatched)
        timer.daemon = True
        timer.start()

    def _stop_unwatched(self) -> None:
        if self._watchers <= 0 and not self._over.is_set():
            self.stop()

    def wait(self, timeout: float | None = None) -> bool:
        """Until it is over; whether it is."""
        return self._over.wait(timeout)

    def seconds_left(self) -> float:
        """Seconds of its own until it is over, without the line; 0 when it is over."""
        if self._state not in ("waiting", "running"):
            return 0.0
        return self.estimate.seconds_left()

    def progress(self) -> Progress:
        ahead, before = self._line._ahead_of(self)
        with self._lock:
            step, own = self._step, self.seconds_left()
            return Progress(
                state=self._state,
                ahead=ahead,
                stage=step.stage if step else "",
                index=step.index if step else 0,
                total=step.total if step else 0,
                done=1.0 if self._state == "done" else self.estimate.share_done(),
                seconds_left=before + own,
                to_draft=self.estimate.to_draft(before),
                picture=self._picture,
                pictures=self._pictures,
                losses=step.losses if step else {},
                note=self._note,
            )

    def _run(self) -> None:
        with self._lock:
            self._state = "running"
            # Whose face it is, is let go with the work: a job that is over may be kept.
            work, self._work = self._work, None
        try:
            assert work is not None
            self.result = work(self._on_step)
        except BaseException as error:  # handed to whoever waits, in another thread
            self.error = error
        del work
        with self._lock:
            self.estimate.end()
            self._state = "failed" if self.error else "done"
        self._over.set()

    def _leave(self) -> None:
        with self._lock:
            self._state, self._work = "left", None
        self._over.set()

    def _on_step(self, step: Step) -> bool:
        with self._lock:
            self.estimate.record(step)
            if step.picture is not None:
                self._picture, self._pictures = step.picture, self._pictures + 1
            self._note = step.note or self._note
            self._step = replace(step, picture=None, draft=None)
        return not self._stop.is_set()


class JobQueue:
    """First come, first served, each in a thread of the line; but a short job goes before much
    longer ones that wait.

    Args:
        max_waiting: how many may wait.
        workers: how many run at a time.
        places_of_an_address: how many of one network address may run or wait.
        max_seconds: how long a job may be planned to take; without it there is no bound.
    """

    def __init__(
        self,
        max_waiting: int = MAX_WAITING_JOBS,
        workers: int = 1,
        places_of_an_address: int = PLACES_OF_AN_ADDRESS,
        max_seconds: float = math.inf,
    ) -> None:
        self._max_waiting, self._of_an_address = max_waiting, places_of_an_address
        self._max_seconds = max_seconds
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._workers = workers
        self._changed = threading.Condition()
        self._paces = Paces()
        for _ in range(workers):
            threading.Thread(target=self._work, name="jobs", daemon=True).start()

    def submit(
        self,
        work: Callable[[OnStep], Any],
        plan: list[Stage],
        owner: str,
        kind: str = "",
        person: Caller = Caller(),
    ) -> Job:
        """Put work at the end of the line.

        Args:
            work: takes an `OnStep`, which says False when it is to end; runs in the line's thread.
            plan: its stages in order; seconds a step that were measured for the same `kind` stand
                in for those of the plan.
            owner: the workspace it is for, which has one job at a time.
            person: who may have one at a time, whatever the number of workspaces.

        Raises:
            QueueFullError: workspace or person have one already, too many wait, or it would take
                longer than any may.
        """
        with self._changed:
            self._check_places(owner, person)
            if len(self._waiting) >= self._max_waiting:
                raise QueueFullError(
                    f"{len(self._waiting)} people wait already; please try again later."
                )
            job = Job(self, work, self.paced(plan, kind), owner, kind, person)
            self._check_length(job)
            self._put_in_line(job)
            self._changed.notify()
            return job

    def _check_length(self, job: Job) -> None:
        if job.planned > self._max_seconds:
            raise QueueFullError(
                f"This would take about {job.planned / 60:.0f} minutes, and "
                f"{self._max_seconds / 60:.0f} are the most here; use fewer photographs, or the "
                "quick preset (fast)."
            )

    def _put_in_line(self, job: Job) -> None:
        place = len(self._waiting)
        while place > 0:
            before = self._waiting[place - 1]
            if before.passed >= _MAX_PASSED or before.planned <= _MUCH_LONGER * job.planned:
                break
            before.passed += 1
            place -= 1
        self._waiting.insert(place, job)

    def _check_places(self, owner: str, person: Caller) -> None:
        jobs = self._jobs()
        if any(job.owner == owner for job in jobs):
            raise QueueFullError(
                "This face is being learned or waits for that already; stop it or let it end."
            )
        if person.key and any(job.person.key == person.key for job in jobs):
            raise QueueFullError(
                "Another face of yours is being learned or waits already, maybe in another tab; "
                "stop it or let it end."
            )
        beside = sum(1 for job in jobs if person.address and job.person.address == person.address)
        if beside >= self._of_an_address:
            raise QueueFullError(
                f"{beside} faces from your network are being learned or wait already; please try "
                "again when one of them is done."
            )

    def paced(self, plan: list[Stage], kind: str) -> list[Stage]:
        """The plan with the seconds a step that jobs of the same kind took here."""
        return self._paces.applied_to(plan, kind)

    def job_of(self, owner: str) -> Job | None:
        """The owner's job that runs or waits."""
        with self._changed:
            return next((job for job in self._jobs() if job.owner == owner), None)

    def job_of_person(self, key: str) -> Job | None:
        """The job of that `Caller.key` that runs or waits."""
        with self._changed:
            return next((job for job in self._jobs() if key and job.person.key == key), None)

    def waiting_seconds(self) -> float:
        """How long a job submitted now would wait, at an estimate."""
        with self._changed:
            return self._starts_in(list(self._waiting))

    def __len__(self) -> int:
        """Jobs that run or wait."""
        with self._changed:
            return len(self._jobs())

    def _jobs(self) -> list[Job]:
        return [*self._running, *self._waiting]

    def _ahead_of(self, job: Job) -> tuple[int, float]:
        """How many come before a job, and seconds until it begins."""
        with self._changed:
            if job not in self._waiting:
                return 0, 0.0
            before = list(self._waiting)[: self._waiting.index(job)]
            return len(self._running) + len(before), self._starts_in(before)

    def _starts_in(self, before: list[Job]) -> float:
        """Seconds until somebody is free, once these that wait have begun: each is begun by the
        worker that is free first."""
        free = [job.seconds_left() for job in self._running]
        free += [0.0] * (self._workers - len(free))
        heapq.heapify(free)
        for job in before:
            heapq.heapreplace(free, free[0] + job.seconds_left())
        return free[0]

    def _drop(self, job: Job) -> None:
        with self._changed:
            if job not in self._waiting:
                return
            self._waiting.remove(job)
        job._leave()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                job = self._waiting.popleft()
                self._running.append(job)
            job._run()
            with self._changed:
                self._running.remove(job)
                if job.error is None:
                    self._paces.learn(job.kind, job.plan)
            del job
