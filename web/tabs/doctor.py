"""What the server can do, and whether its weight files are right: a text under Advanced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.doctor.background import Doctor
from web.actions import Actions, Ask


class DoctorPart:
    """The doctor's latest text; an examination begins where there is none yet."""

    def __init__(self, doctor: Doctor | None = None) -> None:
        self.doctor = doctor or Doctor()

    def add_to(self, actions: Actions) -> None:
        actions.add(doctor=self.told)

    def told(self, ask: Ask) -> Mapping[str, Any]:
        """The text, or which file is tested now; the script asks again then."""
        if looking_at := self.doctor.looking_at:
            return {"text": f"Testing {looking_at} …", "again": True}
        if self.doctor.failed:
            return {"text": "The tests failed; the server's log says why.", "again": False}
        latest = self.doctor.latest()
        if latest is None:
            self.doctor.start()
            return {"text": "Looking …", "again": True}
        return {"text": latest.text(), "again": False}
