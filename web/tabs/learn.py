"""Learning a face from its photograph: start, progress with previews, stop, and improving it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pti_core.ai_mark import to_jpeg
from service.job_queue import Job, Progress
from service.studio import Studio
from web import page_text
from web.actions import Actions, Ask
from web.error_wrappers import sentence
from web.files import cached
from web.job_watch import Polls
from web.tabs.open_session import OpenedSession


class LearnPart:
    """A personalisation as the page shows it; the page asks again and again how far it is."""

    def __init__(self, studio: Studio, opened: OpenedSession) -> None:
        self.studio, self.opened = studio, opened
        self._polls = Polls()
        self._latest: dict[str, Job] = {}  # by workspace: also when it is over

    def add_to(self, actions: Actions) -> None:
        actions.add(learn=self.learn, improve=self.improve, progress=self.progress, stop=self.stop)

    def learn(self, ask: Ask) -> Mapping[str, Any]:
        """Put the learning of the chosen faces into the queue."""
        job = self.studio.personalise(
            ask.workspace,
            ask.text("preset") or self.studio.preset_names[0],
            ask.whole("seed"),
            ask.text("generator"),
            ask.caller,
        )
        return self._begun(ask.workspace, job)

    def improve(self, ask: Ask) -> Mapping[str, Any]:
        """More tuning of the open face, while one goes on editing it."""
        preset = ask.text("preset") or self.studio.preset_names[0]
        job = self.studio.refine(ask.workspace, ask.edits, preset, ask.whole("seed"), ask.caller)
        return self._begun(ask.workspace, job)

    def progress(self, ask: Ask) -> Mapping[str, Any]:
        """How far it is; at the end what is open then, or why it failed. `opened` comes earlier
        where there is a draft to edit that is newer than the page's `revision`."""
        workspace = ask.workspace
        self._forget()
        job = self.studio.line.job_of(workspace) or self._latest.get(workspace)
        if job is None:
            return {"state": "none"}
        self._latest[workspace] = job
        now = job.progress()
        if not now.over:
            self._polls.asked(job)
            told = _told(now, ask.whole("pictures"))
            revision = self.studio.workspaces.get(workspace).revision  # it is in use
            if "revision" in ask.data and revision > ask.whole("revision"):
                told |= {"revision": revision, "opened": self.opened.told(workspace)}
            return told
        self._latest.pop(workspace, None)
        if job.error is not None:
            return {"state": "failed", "why": sentence(job.error)}
        if now.state == "left":
            return {"state": "left"}
        return {"state": "done", "opened": self.opened.told(workspace)}

    def stop(self, ask: Ask) -> Mapping[str, Any]:
        """End it with what it has reached; one that waits leaves the queue."""
        return {"stopped": self.studio.stop(ask.workspace)}

    def _forget(self) -> None:
        """Jobs of workspaces that are gone."""
        for gone in set(self._latest).difference(self.studio.workspaces):
            self._latest.pop(gone, None)

    def _begun(self, workspace: str, job: Job) -> Mapping[str, Any]:
        self._forget()
        self._latest[workspace] = job
        self._polls.asked(job)
        revision = self.studio.workspaces.get(workspace).revision
        return {**_told(job.progress(), 0), "revision": revision}


def _told(progress: Progress, seen: int) -> dict[str, Any]:
    told = {
        "state": progress.state,
        "stage": page_text.STAGE_NUMBERS.get(progress.stage, 0),
        "said": page_text.progress(progress),
        "done": progress.done,
        "left": progress.seconds_left,
        "draft_in": progress.to_draft[0],
        "draft_done": progress.to_draft[1],
        "note": progress.note,
        "pictures": progress.pictures,
    }
    if progress.picture is not None and progress.pictures > seen:
        told["picture"] = cached(_preview(progress), "preview.jpg")
    return told


def _preview(progress: Progress) -> bytes:
    from pti_core.faces.images import to_image

    assert progress.picture is not None
    return to_jpeg(to_image(progress.picture), marked=True)
