"""Drafts of a session: what a workspace can edit while its face is still learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from service.workspaces import Workspace

if TYPE_CHECKING:
    from pti_core.progress import OnStep, Step
    from pti_core.session.session import Session

SetSession = Callable[[Workspace, dict[str, Any], "Session"], None]


class Drafts:
    """The sessions that one personalisation gives its workspace, each in place of the one before.

    Text edits, hair colour and the shown person, chosen on a draft, go over to the next session.

    Args:
        photographs: files that are personalised.
        set_session: gives a workspace a session and its report.
    """

    def __init__(
        self, workspace: Workspace, photographs: Sequence[bytes], set_session: SetSession
    ) -> None:
        self._workspace, self._photographs = workspace, photographs
        self._set_session = set_session
        self._latest: Session | None = None

    def taken_from(self, on_step: OnStep) -> OnStep:
        """`on_step` that also takes up the steps' drafts."""

        def take(step: Step) -> bool | None:
            if step.draft is not None:
                self.replace({}, step.draft)
            return on_step(step)

        return take

    def replace(self, report: dict[str, Any], session: Session, last: bool = False) -> None:
        """Give the workspace this session; the last one has the personalisation's report.

        Between the first and the last one nothing is prepared for a person who only watches: it
        would take longer than what is left to learn.
        """
        between = self._latest is not None and not last
        shown = self._workspace.session
        if self._latest is not None and shown is not None and shown.people is self._latest.people:
            session = session.with_choices_of(shown)
        self._latest = session
        self._workspace.originals = self._photographs
        self._set_session(self._workspace, report, session)
        self._workspace.renders.on_demand = between
