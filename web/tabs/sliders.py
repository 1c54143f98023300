"""The sliders: one for each edit, in groups of which one is shown, with a search over all.

Choosing a group and searching happen in the browser alone (page.js).
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from pti_core.editing.controls import Control

#: From so many on they are shown a group at a time: more are a long way to scroll on a telephone.
MANY = 9


class Sliders:
    """One slider a control.

    Attributes:
        all: in the order of the controls.
    """

    def __init__(self, controls: Sequence[Control]) -> None:
        self.controls = controls

    def lay_out(self) -> None:
        groups = list(dict.fromkeys(control.group for control in self.controls))
        many = len(self.controls) >= MANY
        if many:
            gr.HTML(_finder(groups), padding=False, elem_id="finder")
        with gr.Row(elem_classes=["sliders", *(["many"] if many else [])]):
            self.all = [_slider(control, groups.index(control.group)) for control in self.controls]

    def at(
        self, edits: Mapping[str, float], ranges: Mapping[str, tuple[float, float]] | None = None
    ) -> list[Any]:
        """What sets them to these amounts, within a person's own ranges if they are given."""
        amounts = [edits.get(control.name, 0) for control in self.controls]
        if ranges is None:
            return amounts
        own = [control.within(ranges.get(control.name)) for control in self.controls]
        # The step goes with the range: counted from another end, nought would be no position.
        return [
            gr.Slider(*one.bounds, step=one.step, value=at)
            for one, at in zip(own, amounts, strict=True)
        ]

    def read(self, amounts: Sequence[float], order: Sequence[str] = ()) -> dict[str, float]:
        """The edits that move something, those of `order` first."""
        said = {c.name: float(a or 0) for c, a in zip(self.controls, amounts, strict=True)}
        return {name: said[name] for name in dict.fromkeys([*order, *said]) if said.get(name)}


def _finder(groups: Sequence[str]) -> str:
    chips = "".join(
        f'<button type="button" data-group="{index}" aria-pressed="{str(not index).lower()}">'
        f"{html.escape(group.capitalize())}</button>"
        for index, group in enumerate(groups)
    )
    return (
        '<input type="search" placeholder="Search edits" aria-label="Search edits">'
        f'<div class="chips" role="group" aria-label="Groups of edits">{chips}</div>'
        '<p class="no-match">No edit is called that.</p>'
    )


def _slider(control: Control, group: int) -> gr.Slider:
    low, high = control.bounds
    return gr.Slider(
        low,
        high,
        value=0,
        step=control.step,
        label=f"{control.label} ({control.unit})" if control.unit else control.label,
        min_width=220,
        elem_id=f"slider-{control.name}",
        elem_classes=["edit-slider", f"group-{group}"],
        buttons=[],
    )
