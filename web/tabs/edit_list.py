"""The edits that are made, as a list: each with its amount, to remove, to move up, to go to."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from pti_core.editing.controls import Control

#: Tells the server which button was pressed on which edit.
SCRIPT = """element.addEventListener('click', (event) => {
  const button = event.target.closest('[data-act]');
  if (button) trigger('click', {act: button.dataset.act, name: button.dataset.name});
});"""


def listed(
    edits: Mapping[str, float],
    controls: Sequence[Control],
    texts: Sequence[tuple[str, float]] = (),
    of: str = "",
    desk: str = "",
) -> str:
    """The list as HTML.

    Below it the same in words, which give the same edits when typed as a prompt.

    texts: labels and amounts of the edits by text, which the Text tab changes. of: tells two
    sessions apart whose lists are alike. desk: where the session lies, for page.js.
    """
    known = {control.name: control for control in controls}
    rows = [_row(known[name], amount) for name, amount in edits.items() if name in known]
    rows += [
        f'<span class="edit text" title="By text: see the Text tab">{html.escape(label)} '
        f"<b>{amount:.3g}×</b></span>"
        for label, amount in texts
    ]
    inside = "".join(rows) or "<p>No edits yet: this is the face as the generator has it.</p>"
    if edits:
        from mappers.prompts import in_words

        inside += f'<p class="in-words">In words: {html.escape(in_words(edits, known))}</p>'
    marks = f'data-of="{html.escape(of)}" data-desk="{html.escape(desk)}"'
    return f'<div class="stack" {marks}>{inside}</div>'


def amount_of(control: Control, amount: float) -> str:
    """An amount as people read it, as in "+10 years"."""
    return f"{amount:+.3g} {control.unit}".strip().replace("-", "−")


def after(act: str, name: str, edits: Mapping[str, float]) -> dict[str, float]:
    """The edits after a button of the list was pressed: "remove" or "up"."""
    names = [other for other in edits if other != name]
    if act == "up" and name in edits:
        names.insert(max(list(edits).index(name) - 1, 0), name)
    return {other: edits[other] for other in names}


def _row(control: Control, amount: float) -> str:
    name, label = html.escape(control.name), html.escape(control.label)
    return (
        f'<span class="edit"><button type="button" data-go="{name}" title="Go to the slider">'
        f"{label} <b>{html.escape(amount_of(control, amount))}</b></button>"
        f'<button type="button" data-act="up" data-name="{name}" title="Move up" '
        f'aria-label="Move {label} up">↑</button>'
        f'<button type="button" data-act="remove" data-name="{name}" title="Remove" '
        f'aria-label="Remove {label}">×</button></span>'
    )
