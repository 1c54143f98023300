"""The Text tab: a prompt, what it was understood to ask, and what it did."""

from __future__ import annotations

import html
import queue
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from pti_core.editing.controls import Control
from pti_core.errors import UserError
from service.studio import Studio
from service.text_service import WAYS, Reading, TextService
from web import strings
from web.events import EDITS, private, quiet
from web.user_errors import in_a_sentence

if TYPE_CHECKING:
    from web.page import Page
    from web.tabs.edit import EditPart

EXAMPLES = (
    "ten years older and smiling",
    "bowl cut",
    "blond hair",
    "no beard",
    "glasses",
    "looking to the left",
    "a bit less makeup",
)
#: Parts of a prompt whose amounts can be corrected; a longer prompt says so.
MAX_CHIPS = 6
#: What is shown of the history.
MAX_HISTORY = 12


class TextTab:
    """The tab's components and events."""

    def __init__(self, studio: Studio, controls: Sequence[Control]) -> None:
        self.studio, self.texts = studio, TextService(studio, controls)

    def lay_out(self, editing: EditPart) -> None:
        self.editing = editing
        with gr.Tab("Text", elem_id="text-tab"):
            self.history = gr.State([])
            with gr.Row():
                self.prompt = gr.Textbox(
                    label="Say what to change",
                    placeholder="ten years older, with glasses and no beard",
                    max_length=500,
                    elem_id="prompt",
                    scale=5,
                )
                self.apply = gr.Button("Do it", variant="primary", elem_id="text-apply", scale=1)
            with gr.Row(elem_id="text-examples"):
                self.examples = [
                    gr.Button(text, size="sm", min_width=60, elem_classes="example")
                    for text in EXAMPLES
                ]
            self.reading = gr.HTML("", padding=False, elem_id="reading")
            with gr.Row(elem_id="chips"):
                self.chips = [
                    gr.Number(visible=False, elem_id=f"chip-{i}", min_width=140)
                    for i in range(MAX_CHIPS)
                ]
            with gr.Row():
                choices = [(label, way) for way, label in WAYS.items()]
                self.way = gr.Dropdown(choices, value="auto", label="Way", elem_id="way")
                self.strength = gr.Slider(
                    -2, 2, value=1, step=0.1, label="Strength", elem_id="strength", buttons=[]
                )
            self.preview = gr.Image(
                visible=False, show_label=False, interactive=False, elem_id="text-preview"
            )
            self.stop = gr.Button("Stop here", visible=False, elem_id="text-stop")
            with gr.Row(visible=False) as self.stack_row:
                self.entry = gr.Dropdown([], label="Edits beyond the sliders", elem_id="entry")
                self.amount = gr.Slider(
                    -3, 3, value=1, step=0.1, label="Amount", elem_id="entry-amount", buttons=[]
                )
                self.remove = gr.Button("Take away", size="sm", elem_id="entry-remove")
            self.told = gr.HTML("", padding=False, elem_id="text-history")
            self.undo = gr.Button("Undo the last", size="sm", visible=False, elem_id="text-undo")

    def wire(self, page: Page) -> None:
        read = [self.prompt, self.way, page.desk]
        shown = [self.reading, *self.chips]
        gr.on(
            [self.prompt.change, self.way.input],
            self.read,
            read,
            shown,
            trigger_mode="always_last",
            **quiet("read"),
        )
        for button in self.examples:
            button.click(lambda text=button.value: text, None, self.prompt, **quiet("example"))
        given = [self.history, self.prompt, self.way, self.strength, *self.chips]
        self.changed = [self.history, self.told, self.undo, self.preview, self.stop]
        self.changed += [self.stack_row, self.entry, self.amount, self.reading]
        self.changed += page.editing.moved
        gr.on(
            [self.apply.click, self.prompt.submit],
            self.do,
            [*given, *page.editing.inputs],
            self.changed,
            **EDITS,
            **private("text"),
        )
        self.stop.click(self.halt, page.desk, None, **quiet("text_stop"))
        self.undo.click(
            self.take_back,
            [self.history, *page.editing.inputs],
            self.changed,
            **EDITS,
            **quiet("text_undo"),
        )
        picked = [self.entry, *page.editing.inputs]
        self.entry.input(self.pick, picked[:2], self.amount, **quiet("entry"))
        self.amount.release(
            self.weigh, [self.amount, *picked], page.editing.moved, **EDITS, **quiet("entry_amount")
        )
        self.remove.click(
            self.take_away,
            picked,
            [self.stack_row, self.entry, self.amount, *page.editing.moved],
            **EDITS,
            **quiet("entry_remove"),
        )
        page.desk.change(
            self.fresh,
            page.desk,
            [self.history, self.told, self.undo, self.stack_row, self.entry, self.amount],
            **quiet("text_fresh"),
        )

    # ------------------------------------------------------------------------------------ reading

    @in_a_sentence
    def read(self, prompt: str, way: str, desk_id: str | None) -> Any:
        """What the prompt asks, as chips with amounts; nothing is done."""
        if not prompt.strip():
            return ["", *[gr.Number(visible=False)] * MAX_CHIPS]
        found = self.texts.read(prompt, desk_id, way)
        chips = []
        for part in found.parts[:MAX_CHIPS]:
            way_name = WAYS[part.way]
            limited = ", as far as it goes" if part.limited else ""
            sure = "" if part.confidence > 0.85 else f", {part.confidence:.0%} sure"
            info = f"{part.unit or 'strength'}{limited} · {way_name}{sure}"
            chips.append(gr.Number(part.amount, label=part.label, info=info, visible=True))
        chips += [gr.Number(visible=False)] * (MAX_CHIPS - len(chips))
        return [told_of(found), *chips]

    # -------------------------------------------------------------------------------------- doing

    def do(
        self,
        history: list[dict[str, Any]],
        prompt: str,
        way: str,
        strength: float,
        *rest: Any,
    ) -> Iterator[Any]:
        """Do what the prompt asks: sliders move, the stack grows, the picture follows."""
        amounts, (desk_id, view, *sliders) = rest[:MAX_CHIPS], rest[MAX_CHIPS:]
        edits = self.editing.edits(sliders)
        try:
            before = list(self.studio.session(desk_id or "").stack)
            parts = self.texts.read(prompt, desk_id, way).parts
            given = [float(a) for a in amounts[: len(parts)] if a is not None]
            long = len(parts) > MAX_CHIPS or len(given) != len(parts)
            corrected = None if long or strength != 1 else given
            seen: queue.Queue[Any] = queue.Queue()
            done: list[Any] = []
            worker = threading.Thread(
                target=self._work,
                args=(done, seen, desk_id, prompt, edits, way, strength, corrected),
                daemon=True,
            )
            worker.start()
            yield from self._watched(worker, seen)
            if isinstance(done[0], BaseException):
                raise done[0]
            result = done[0]
            entry = {"prompt": prompt, "said": result.said, "edits": edits, "stack": before}
            history = [*history, entry][-MAX_HISTORY:]
            yield self._after(history, result.left, desk_id, view, result.edits)
        except UserError as error:
            gr.Warning(str(error), title="")
            yield {
                self.reading: f'<p class="wrong">{html.escape(str(error))}</p>',
                self.preview: gr.Image(visible=False),
                self.stop: gr.Button(visible=False),
            }

    def _work(self, done: list[Any], seen: Any, desk_id: str, prompt: str, *rest: Any) -> None:
        edits, way, strength, amounts = rest
        try:
            done.append(
                self.texts.do(desk_id, prompt, edits, way, strength, amounts, on_step=seen.put)
            )
        except BaseException as error:  # said by the thread that waits
            done.append(error)

    def _watched(self, worker: threading.Thread, seen: queue.Queue[Any]) -> Iterator[Any]:
        """Live previews of an optimisation."""
        from pti_core.faces.images import to_image

        while worker.is_alive():
            try:
                step = seen.get(timeout=0.3)
            except queue.Empty:
                continue
            bar = f'<p class="caption"><span>Step {step.index} of {step.total}</span></p>'
            update: dict[Any, Any] = {self.reading: bar, self.stop: gr.Button(visible=True)}
            if step.picture is not None:
                update[self.preview] = gr.Image(to_image(step.picture), visible=True)
            yield update
        worker.join()

    def _after(
        self,
        history: list[dict[str, Any]],
        left: str,
        desk_id: str,
        view: str,
        edits: dict[str, float],
    ) -> dict[Any, Any]:
        entries = self.texts.stack(desk_id)
        moved = self.editing.move(desk_id, view, edits)
        return {
            self.history: history,
            self.told: history_of(history),
            self.undo: gr.Button(visible=bool(history)),
            self.preview: gr.Image(visible=False),
            self.stop: gr.Button(visible=False),
            self.reading: f'<p class="wrong">{html.escape(left)}</p>' if left else "",
            **dict(zip(self._stack_outputs(), self._stack_shown(entries), strict=True)),
            **dict(zip(self.editing.moved, moved, strict=True)),
        }

    def halt(self, desk_id: str | None) -> None:
        self.texts.stop(desk_id or "")

    @in_a_sentence
    def take_back(
        self, history: list[dict[str, Any]], desk_id: str | None, view: str, *_: float
    ) -> Any:
        """Everything as it was before the last prompt."""
        if not history or not desk_id:
            return gr.skip()
        last = history[-1]
        self.studio.restack(desk_id, last["stack"])
        return self._after(history[:-1], "", desk_id, view, last["edits"])

    # -------------------------------------------------------------------------- the stack's entries

    def _stack_outputs(self) -> list[Any]:
        return [self.stack_row, self.entry, self.amount]

    def _stack_shown(self, entries: list[tuple[str, float]], at: int = -1) -> list[Any]:
        choices = [(f"{i + 1}. {label}", i) for i, (label, _) in enumerate(entries)]
        chosen = choices[at][1] if choices else None
        amount = entries[at][1] if entries else 1.0
        return [
            gr.Row(visible=bool(entries)),
            gr.Dropdown(choices, value=chosen),
            gr.Slider(value=amount),
        ]

    @in_a_sentence
    def pick(self, index: int | None, desk_id: str | None) -> Any:
        entries = self.texts.stack(desk_id)
        return entries[index][1] if index is not None and index < len(entries) else gr.skip()

    @in_a_sentence
    def weigh(
        self, amount: float, index: int | None, desk_id: str, view: str, *sliders: float
    ) -> Any:
        if index is None:
            return gr.skip()
        self.texts.set_amount(desk_id, index, amount)
        return self.editing.move(desk_id, view, self.editing.edits(sliders))

    @in_a_sentence
    def take_away(self, index: int | None, desk_id: str, view: str, *sliders: float) -> Any:
        if index is None:
            return gr.skip()
        self.texts.set_amount(desk_id, index, None)
        shown = self._stack_shown(self.texts.stack(desk_id))
        return [*shown, *self.editing.move(desk_id, view, self.editing.edits(sliders))]

    @in_a_sentence
    def fresh(self, desk_id: str | None) -> Any:
        """Another desk: no history, its own text edits."""
        entries: list[tuple[str, float]] = []
        if desk_id and self.studio.desks.get(desk_id).session is not None:
            entries = self.texts.stack(desk_id)
        return [[], "", gr.Button(visible=False), *self._stack_shown(entries)]


def told_of(found: Reading) -> str:
    """How long it takes, and what was not understood."""
    lines = []
    if found.parts:
        lines.append(f"<p>Takes {strings.duration(found.seconds)}. Amounts can be corrected:</p>")
    if found.note:
        lines.append(f"<p>{html.escape(found.note)}</p>")
    if found.left:
        lines.append(f'<p class="wrong">{html.escape(found.left)}</p>')
    return "".join(lines)


def history_of(history: Sequence[dict[str, Any]]) -> str:
    """The prompts that were done, the latest first."""
    rows = [
        f"<li><b>{html.escape(one['prompt'])}</b> {html.escape(one['said'])}</li>"
        for one in reversed(history)
    ]
    return f"<ol reversed>{''.join(rows)}</ol>" if rows else ""
