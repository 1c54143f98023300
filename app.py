"""The web app: `python app.py [--port N] [--host H] [--share] [--generator NAME] [--preset NAME]`

Layout and wiring only; what the buttons do is `pti_core.studio`. Heavy libraries and networks are
loaded behind the page, which answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import html
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from hosting import gpu_loan
from pti_core.cards import ShareHead
from pti_core.controls import Control, read_controls
from pti_core.errors import UserError
from pti_core.jobs import Job, Progress
from pti_core.marking import to_jpeg, to_png, with_visible_mark
from pti_core.memory import keep_memory
from pti_core.store import MAX_NAME, Record, Store, keep_swept, new_secret, store_from
from pti_core.studio import PRESET_NAMES, VIEWS, Studio

_log = logging.getLogger(__name__)

EXAMPLES = Path(__file__).parent / "examples"
# A photograph of 108 million pixels as JPEG, or a session of the largest generator.
MAX_UPLOAD = "200mb"
# Uploads and pictures made here leave Gradio's folder after that many seconds.
CACHE_SECONDS = 600
# Often enough for a bar that moves; each update is a few kilobytes.
SECONDS_BETWEEN_UPDATES = 0.4
# How long a personalisation goes on without its page: a reload on a telephone is back by then.
RELOAD_SECONDS = 45

#: What may be asked for; the first is the default.
GENERATORS = ("auto", "stylegan2", "mobile")

TITLE = "PTI Studio"
CONSENT = (
    "Use photographs of yourself or of people who agreed. They go to this server only, which "
    f"deletes the uploaded file within {2 * CACHE_SECONDS // 60} minutes and forgets the rest "
    "soon after you leave. Nothing is kept unless you share it."
)
PRESET_LABELS = {"fast": "Fast", "paper": "Paper’s settings"}
GENERATOR_LABELS = {
    "auto": "Automatic: StyleGAN2 where a GPU is, else the embedded one",
    "stylegan2": "StyleGAN2-FFHQ: on a CPU about ten times slower",
    "mobile": "Embedded (MobileStyleGAN)",
}
VIEW_LABELS = {"face": "Face", "photograph": "In the photograph"}
STAGES = {"invert": "Finding the face in the generator", "tune": "Tuning the generator to it"}
EMPTY = """<div class="empty"><p>Your face appears here.</p>
<p>Choose a photograph and personalise it, or open a session file.</p></div>"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the page until interrupted."""
    options = _parse(arguments)
    loan = gpu_loan()  # first of all: before torch
    keep_memory()
    # Threads that wait for their turn must not spin: an edit and a personalisation share the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    loaders = {name: partial(load_networks, name) for name in GENERATORS}
    first = options.generator
    studio = Studio(
        loaders.pop(first),
        load_other=load_other,
        gpu_loan=loan,
        generator=first,
        others=loaders,
    )
    store = store_from(os.environ)
    studio.networks.start()
    keep_swept(store)
    app = create_app(studio, read_controls(), preset=options.preset, store=store)
    serve(app, store, host=options.host, port=options.port, share=options.share)


def load_networks(generator: str, report: Callable[[str, int, int], None]) -> Any:
    """All networks of a personalisation, on all cores this process may use."""
    report("the libraries", 0, 0)
    import torch

    from checkpoints.choice import choose_generator
    from checkpoints.load import load_toolkit

    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    choice = choose_generator(generator, progress=report)
    kit = load_toolkit(choice.generator, progress=report)
    return dataclasses.replace(kit, about=f"{choice.why} {describe_generator(choice.name)}")


def load_other(generator: str) -> Any:
    """What edits of a session file need that was made with another generator."""
    import torch

    from checkpoints.load import load_edit_kit

    return load_edit_kit(generator, device=torch.device("cpu"))


def describe_generator(name: str) -> str:
    """Which generator is used, and under which licence."""
    from checkpoints.manifest import MANIFEST

    asset = MANIFEST["mobile-synthesis.bin" if name == "mobile" else name]
    return f"{asset.purpose}. Licence: {asset.licence}."


def serve(app: gr.Blocks, store: Store | None = None, **options: Any) -> str:
    """Launch the page; returns its local address.

    store: shares that chats are to show with a picture. options: host, port, share, and whatever
    else `gr.Blocks.launch` takes.
    """
    system = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    theme = gr.themes.Soft(
        primary_hue="indigo",
        neutral_hue="slate",
        font=system,
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    ).set(
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_padding="0",
        body_background_fill="*neutral_50",
        block_background_fill="white",
        block_border_width="1px",
        input_border_width="1px",
        input_border_color="*neutral_200",
        input_border_color_dark="*neutral_700",
        block_title_text_weight="500",
    )
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    head: list[Any] = []
    if store is not None:
        from starlette.middleware import Middleware

        head = [Middleware(ShareHead, store=store, title=f"A face edited in {TITLE}")]
    _, url, _ = app.launch(
        app_kwargs={"middleware": head},
        server_name=options.pop("host", None),
        server_port=options.pop("port", None),
        theme=theme,
        css=CSS,
        footer_links=["api"],
        max_file_size=MAX_UPLOAD,
        enable_monitoring=False,
        run_history=False,
        **options,
    )
    return url


def create_app(
    studio: Studio,
    controls: Sequence[Control],
    about: str = "",
    preset: str = "",
    store: Store | None = None,
) -> gr.Blocks:
    """The page over a studio.

    controls: the sliders. about: the generator and its licence. preset: chosen at first. store:
    where shared sessions are kept; that of the settings by default.
    """
    store = store or store_from(os.environ)
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        fill_width=False,
        delete_cache=(CACHE_SECONDS, CACHE_SECONDS),
    ) as app:
        page = _Page(studio, controls, preset or studio.preset_names[0])
        page.lay_out(about)
        page.wire()
        _Sharing(app, page, store).wire()
        _Endpoints(studio, controls).add()
        _ShareEndpoints(studio, store).add()
    # Personalisations wait in the studio's own line, which knows how long; edits one at a time.
    app.queue(default_concurrency_limit=4, max_size=256)
    return app


# ------------------------------------------------------------------------------------ the page


def _in_a_sentence(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show what a person can mend as a warning and leave everything on the page as it is."""

    @wraps(function)
    def guarded(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except UserError as error:
            gr.Warning(str(error), title="")
            return gr.skip()

    return guarded


def _as_error(function: Callable[..., Any]) -> Callable[..., Any]:
    """Answer another program with the sentence."""

    @wraps(function)
    def guarded(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return guarded


class _Page:
    """The components of the page and what happens to them."""

    def __init__(self, studio: Studio, controls: Sequence[Control], preset: str) -> None:
        self.studio, self.controls, self.first_preset = studio, controls, preset

    # -- layout

    def lay_out(self, about: str) -> None:
        self.desk = gr.State(None, time_to_live=24 * 3600, delete_callback=self.studio.leave)
        gr.HTML(
            f"<h1>{TITLE}</h1><p>Make a face generator your own from one photograph, then edit "
            "the photograph with it.</p>",
            elem_id="head",
            padding=False,
        )
        self.status = gr.HTML(self._status_text(), elem_id="status", padding=False)
        self.clock = gr.Timer(1.0)
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(scale=4, min_width=320):
                self._lay_out_photograph()
                self._lay_out_personalisation()
            with gr.Column(scale=6, min_width=320):
                self._lay_out_result()
        self.about = gr.HTML(self._about_text(about), padding=False)

    def _lay_out_photograph(self) -> None:
        gr.HTML("<h2><b>1</b> Photograph</h2>", padding=False)
        self.photograph = gr.Image(
            type="filepath",
            image_mode=None,
            sources=["upload", "webcam", "clipboard"],
            label="Photograph",
            show_label=False,
            height=260,
            buttons=[],
            elem_id="photograph",
        )
        # The file as it came: `open_photograph` reads more kinds than Gradio, turns them upright
        # and says in a sentence why it cannot read one. (Of a subclass Gradio writes a .pyi.)
        self.photograph.preprocess = _as_it_came  # type: ignore[method-assign]
        gr.HTML(f'<p class="consent">{CONSENT}</p>', padding=False)
        with gr.Row(elem_id="or"):
            gr.Examples(
                [[str(path)] for path in sorted(EXAMPLES.glob("*.jpg"))],
                inputs=[self.photograph],
                label="Or take an example",
                cache_examples=False,
                elem_id="examples",
                api_visibility="private",
            )
            self.open_file = gr.UploadButton(
                "Open a session file",
                file_types=[".safetensors"],
                size="sm",
                scale=0,
                min_width=150,
                elem_id="open-session",
            )

    def _lay_out_personalisation(self) -> None:
        gr.HTML("<h2><b>2</b> Personalise</h2>", padding=False)
        with gr.Row(elem_id="personalise"):
            self.crop = gr.Image(
                label="The face that is used",
                show_label=False,
                interactive=False,
                buttons=[],
                height=132,
                min_width=132,
                scale=0,
                elem_id="crop",
                placeholder="The face appears here",
            )
            with gr.Column(scale=1, min_width=160):
                names = self.studio.preset_names
                self.preset = gr.Radio(
                    [(_preset_label(name), name) for name in names],
                    value=self.first_preset,
                    label="Settings",
                    show_label=False,
                    container=False,
                    visible=len(names) > 1,
                    elem_id="preset",
                )
                choices = self.studio.generator_names
                self.generator = gr.Dropdown(
                    [(GENERATOR_LABELS.get(name, name), name) for name in choices],
                    value=choices[0],
                    label="Generator",
                    visible=len(choices) > 1,
                    elem_id="generator",
                )
                self.start = gr.Button(
                    "Personalise", variant="primary", interactive=False, elem_id="start"
                )
                self.stop = gr.Button("Stop and keep this", visible=False, elem_id="stop")
        self.bar = gr.HTML("", elem_id="bar", padding=False)

    def _lay_out_result(self) -> None:
        gr.HTML("<h2><b>3</b> Edit</h2>", padding=False)
        self.empty = gr.HTML(EMPTY, padding=False)
        self.stage = gr.ImageSlider(
            label="Before and after",
            show_label=False,
            interactive=False,
            visible=False,
            buttons=["fullscreen"],
            max_height=620,
            elem_id="stage",
        )
        with gr.Column(visible=False, elem_id="edit") as self.editing:
            gr.HTML(
                '<p class="caption"><span>Photograph</span><span>Edited</span></p>', padding=False
            )
            with gr.Row(elem_id="view-row"):
                self.view = gr.Radio(
                    [(VIEW_LABELS[view], view) for view in VIEWS],
                    value="face",
                    show_label=False,
                    container=False,
                    elem_id="view",
                )
                self.reset = gr.Button("Reset", size="sm", elem_id="reset", min_width=80, scale=0)
            with gr.Tab("Sliders"):
                self.sliders = self._lay_out_sliders()
            with gr.Tab("Likeness"):
                self.facts = gr.HTML("", padding=False, elem_id="facts")
            with gr.Row():
                self.save_picture = gr.Button("Download picture", elem_id="save-picture")
                self.save_session = gr.Button("Download session", elem_id="save-session")
                self.share = gr.Button("Share a link", variant="primary", elem_id="share")
            self.mark = gr.Checkbox(
                False, label="Write “Edited with AI” on downloaded pictures", elem_id="mark"
            )
            self.link = gr.Textbox(
                label="Link", visible=False, interactive=False, buttons=["copy"], elem_id="link"
            )
        self.picture_file = gr.DownloadButton(visible="hidden", elem_id="picture-file")
        self.session_file = gr.DownloadButton(visible="hidden", elem_id="session-file")

    def _lay_out_sliders(self) -> list[gr.Slider]:
        sliders = {}
        groups = list(dict.fromkeys(control.group for control in self.controls))
        headed = len(self.controls) >= 2 * len(groups)  # a heading over each slider says nothing
        for group in groups if headed else [None]:
            if group:
                gr.HTML(f"<h3>{html.escape(group.capitalize())}</h3>", padding=False)
            with gr.Row(elem_classes="sliders"):
                for control in self.controls:
                    if group in (None, control.group):
                        sliders[control.name] = _slider(control)
        return [sliders[control.name] for control in self.controls]

    # -- wiring

    def wire(self) -> None:
        # Programs have endpoints of their own; these names only keep out of their way.
        def private(name: str) -> dict[str, Any]:
            return {"api_name": f"page_{name}", "api_visibility": "undocumented"}

        def quiet(name: str) -> dict[str, Any]:
            return {"show_progress": "hidden", **private(name)}

        edits: dict[str, Any] = {"concurrency_id": "edit", "concurrency_limit": 1}
        picture_inputs = [self.desk, self.view, *self.sliders]
        panel = [self.stage, self.editing, self.empty, self.facts, *self.sliders]

        self.clock.tick(
            self.tell_status, None, [self.status, self.about, self.clock], **quiet("status")
        )
        self.photograph.change(
            self.look,
            [self.photograph, self.desk],
            [self.desk, self.crop, self.start],
            show_progress_on=[self.crop],
            concurrency_id="look",
            concurrency_limit=1,
            **private("look"),
        )
        self.start.click(
            self.personalise,
            [self.desk, self.preset, self.generator],
            [self.bar, self.stage, self.start, self.stop, self.editing, self.empty],
            concurrency_limit=None,
            **quiet("personalise"),
        ).then(self.show, [self.desk, self.view], panel, **quiet("show"))
        self.stop.click(self.stop_it, self.desk, self.stop, queue=False, **quiet("stop"))

        gr.on(
            [slider.input for slider in self.sliders],
            self.follow,
            picture_inputs,
            self.stage,
            trigger_mode="always_last",
            **edits,
            **quiet("follow"),
        )
        gr.on(
            [*(slider.release for slider in self.sliders), self.view.input],
            self.finish,
            picture_inputs,
            self.stage,
            trigger_mode="always_last",
            **edits,
            **quiet("finish"),
        )
        self.reset.click(
            self.put_back,
            [self.desk, self.view],
            [self.stage, *self.sliders],
            **edits,
            **quiet("reset"),
        )
        self.save_picture.click(
            self.give_picture,
            [self.mark, *picture_inputs],
            self.picture_file,
            **edits,
            **quiet("picture"),
        ).success(None, js=_press("picture-file"), **private("picture_ready"))
        self.save_session.click(
            self.give_session, picture_inputs, self.session_file, **quiet("session")
        ).success(None, js=_press("session-file"), **private("session_ready"))
        self.open_file.upload(
            self.open_session,
            [self.open_file, self.desk, self.view],
            [self.desk, self.crop, self.start, *panel],
            show_progress_on=[self.crop],
            **private("open"),
        )

    # -- what happens

    def tell_status(self) -> tuple[Any, Any, Any]:
        """The line under the title, until the networks are there; then which generator it is."""
        ready = self.studio.networks.ready
        about = self.studio.networks.get().about if ready else ""
        shown = self._about_text(about) if about else gr.skip()
        return self._status_text(), shown, gr.Timer(active=not ready)

    @_in_a_sentence
    def look(self, path: str | None, desk_id: str | None) -> Any:
        """A photograph was chosen: its face at once, or why there is none."""
        if path is None:
            return gr.skip()
        desk = self.studio.align(Path(path), self._known(desk_id))
        return desk.id, desk.crop, gr.Button(interactive=True)

    async def personalise(
        self, desk_id: str | None, preset: str, generator: str
    ) -> AsyncIterator[Any]:
        """Bar and preview, until the session lies on the desk."""
        try:
            job = self.studio.personalise(desk_id or "", preset, generator=generator)
        except UserError as error:
            gr.Warning(str(error), title="")
            yield gr.skip()
            return
        async for update in self._follow_job(job, desk_id or ""):
            yield update

    async def resume(self, desk_id: str | None) -> AsyncIterator[Any]:
        """Bar and preview of the personalisation that runs for a page that was reloaded."""
        job = self.studio.line.job_of(desk_id) if desk_id else None
        if job is None:
            yield gr.skip()
            return
        async for update in self._follow_job(job, desk_id or ""):
            yield update

    async def _follow_job(self, job: Job, desk_id: str) -> AsyncIterator[Any]:
        working: dict[Any, Any] = {
            self.start: gr.Button(visible=False),
            self.stop: gr.Button("Stop and keep this", visible=True, interactive=True),
        }
        crop = self.studio.desks.get(desk_id).crop
        before = self._cached(to_jpeg(crop), "before") if crop else None
        pictures = 0
        async for progress in _watch(job, self.studio, desk_id, RELOAD_SECONDS):
            update = {self.bar: _bar(progress), **working}
            working = {}
            if progress.pictures > pictures:
                pictures = progress.pictures
                preview = self._cached(_preview(progress), "preview")
                update[self.stage] = gr.ImageSlider((before, preview), visible=True)
                update[self.editing], update[self.empty] = _hidden(), _hidden()
            yield update
        if job.error is not None:
            gr.Warning(_sentence(job.error), title="")
        yield {
            self.bar: "",
            self.start: gr.Button(
                "Personalise again" if job.result else "Personalise", visible=True
            ),
            self.stop: gr.Button(visible=False),
        }

    def stop_it(self, desk_id: str | None) -> Any:
        if desk_id and self.studio.stop(desk_id):
            return gr.Button("Stopping …", interactive=False)
        return gr.skip()

    @_in_a_sentence
    def show(self, desk_id: str | None, view: str) -> Any:
        """The panel of what lies on the desk: picture, sliders, facts."""
        if not desk_id or self.studio.desks.get(desk_id).session is None:
            return [_hidden(), _hidden(), gr.HTML(visible=True), "", *self._slid({})]
        desk = self.studio.desks.get(desk_id)
        edits = desk.session.edits if desk.session else {}
        stage = gr.ImageSlider(self._pictures(desk_id, edits, view), visible=True)
        return [
            stage,
            gr.Column(visible=True),
            _hidden(),
            _facts(desk.report),
            *self._slid(edits, desk_id),
        ]

    @_in_a_sentence
    def follow(self, desk_id: str | None, view: str, *amounts: float) -> Any:
        """A slider moves: a quick picture."""
        return self._pictures(desk_id or "", self._edits(amounts), view, moving=True)

    @_in_a_sentence
    def finish(self, desk_id: str | None, view: str, *amounts: float) -> Any:
        """A slider was let go, or the view changed: the full picture."""
        return self._pictures(desk_id or "", self._edits(amounts), view)

    @_in_a_sentence
    def put_back(self, desk_id: str | None, view: str) -> Any:
        return [self._pictures(desk_id or "", {}, view), *self._amounts({})]

    @_in_a_sentence
    def give_picture(self, mark: bool, desk_id: str | None, view: str, *amounts: float) -> Any:
        picture = self.studio.picture(desk_id or "", self._edits(amounts), view)
        picture = with_visible_mark(picture) if mark else picture
        return self._cached(to_png(picture), "edited", ".png")

    @_in_a_sentence
    def give_session(self, desk_id: str | None, view: str, *amounts: float) -> Any:
        data = self.studio.session_file(desk_id or "", self._edits(amounts))
        return self._cached(data, "session", ".safetensors")

    @_in_a_sentence
    def open_session(self, path: str | None, desk_id: str | None, view: str) -> Any:
        if path is None:
            return gr.skip()
        desk = self.studio.open(Path(path), self._known(desk_id))
        start = gr.Button("Personalise again", interactive=True)
        return [desk.id, desk.crop, start, *self.show(desk.id, view)]

    # -- small things

    def _known(self, desk_id: str | None) -> str | None:
        """The desk, unless it was cleared: then there will be a new one."""
        return desk_id if desk_id in set(self.studio.desks) else None

    def _edits(self, amounts: Sequence[float]) -> dict[str, float]:
        pairs = zip(self.controls, amounts, strict=True)
        return {control.name: float(amount or 0) for control, amount in pairs}

    def _slid(self, edits: Mapping[str, float], desk_id: str = "") -> list[Any]:
        """The sliders at these amounts, within the person's own ranges."""
        ranges = self.studio.ranges(desk_id) if desk_id else {}
        spans = [control.within(ranges.get(control.name)).bounds for control in self.controls]
        amounts = self._amounts(edits)
        return [gr.Slider(*span, value=at) for span, at in zip(spans, amounts, strict=True)]

    def _amounts(self, edits: Mapping[str, float]) -> list[float]:
        return [edits.get(control.name, 0) for control in self.controls]

    def _pictures(
        self, desk_id: str, edits: Mapping[str, float], view: str, moving: bool = False
    ) -> tuple[str, str]:
        before, after = self.studio.screen(desk_id, edits, view, moving)
        return self._cached(before, "before"), self._cached(after, "after")

    def _cached(self, data: bytes, name: str, ending: str = ".jpg") -> str:
        """A file in the folder that Gradio serves from and clears by itself."""
        return save_bytes_to_cache(data, f"{name}{ending}", self.stage.GRADIO_CACHE)

    def _about_text(self, about: str) -> str:
        return f'<p class="about">{html.escape(about)}</p>'

    def _status_text(self) -> str:
        networks = self.studio.networks
        if networks.error:
            return f'<p class="wrong">{html.escape(networks.error)}</p>'
        if not networks.ready:
            what = html.escape(networks.describe())
            return f'<p class="loading">Getting ready{": " if what else ""}{what} …</p>'
        times = " or ".join(
            f"{_about(self.studio.expected_seconds(name))} ({_preset_label(name)})"
            for name in self.studio.preset_names
        )
        waiting = len(self.studio.line)
        line = f", with {waiting} in the line before you" if waiting else ""
        return f'<p class="ready">Ready. Personalising takes {times}{line}.</p>'


def _preset_label(name: str) -> str:
    return PRESET_LABELS.get(name, name.capitalize())


def _as_it_came(payload: Any) -> str | None:
    return payload.path if payload else None


def _slider(control: Control) -> gr.Slider:
    low, high = control.bounds
    return gr.Slider(
        low,
        high,
        value=0,
        step=control.step,
        label=f"{control.label} ({control.unit})" if control.unit else control.label,
        min_width=220,
        elem_id=f"slider-{control.name}",
        buttons=[],
    )


async def _watch(
    job: Job, studio: Studio, desk_id: str, patience: float = 0
) -> AsyncIterator[Progress]:
    """Progress every now and then until the job is over; a job that nobody watches for `patience`
    seconds is stopped."""
    latest: tuple[Any, ...] = ()
    job.watch()
    try:
        while not (progress := job.progress()).over:
            if desk_id in set(studio.desks):
                studio.desks.get(desk_id)  # it is in use
            shown = (progress.state, progress.ahead, progress.stage, progress.index)
            if shown != latest:
                yield progress
            latest = shown
            await asyncio.sleep(SECONDS_BETWEEN_UPDATES)
    finally:
        job.unwatch(patience)


def _bar(progress: Progress) -> str:
    left = "" if progress.seconds_left is None else f"{_about(progress.seconds_left)} left"
    if progress.state == "waiting":
        text = f"Waiting: {progress.ahead} before you"
    elif not progress.stage:
        text = "Looking at the photograph, and loading the generator if it was not used yet"
    elif progress.stage == "tune" and progress.index == progress.total:
        text, left = "Comparing the result with the photograph", ""
    else:
        stage = STAGES.get(progress.stage, progress.stage.capitalize())
        text = f"{stage}, step {progress.index} of {progress.total}"
    share = round(100 * min(progress.done, 1))
    return (
        f'<div class="bar" role="progressbar" aria-valuenow="{share}" aria-valuemin="0" '
        f'aria-valuemax="100"><div style="width:{share}%"></div></div>'
        f'<p class="bar-text"><span>{text}</span><span>{left}</span></p>'
    )


def _preview(progress: Progress) -> bytes:
    from pti_core.pictures import to_image

    assert progress.picture is not None
    return to_jpeg(to_image(progress.picture))


def _about(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 50:
        return f"about {max(round(seconds / 5) * 5, 5)} s"
    if seconds < 90 * 60:
        return f"about {max(round(seconds / 60), 1)} min"
    return f"about {round(seconds / 3600)} h"


def _facts(report: Mapping[str, Any]) -> str:
    """How near the unedited picture is to the photograph, as a table."""
    rows = (
        ("Mean squared error", "mse", "0 is the same; under 0.01 is near"),
        ("LPIPS", "lpips", "perceptual distance; 0 is the same"),
        ("MS-SSIM", "ms_ssim", "structure; 1 is the same"),
        ("Identity distance", "identity_distance", "dlib; under 0.6 is taken for the same person"),
        ("Seconds", "seconds", "to personalise"),
        ("Steps", "steps", ""),
    )
    lines = [
        f"<tr><th>{label}</th><td>{report[key]:.4g}</td><td>{note}</td></tr>"
        for label, key, note in rows
        if isinstance(report.get(key), (int, float))
    ]
    about = html.escape(str(report.get("about") or ""))
    return f'<table class="facts">{"".join(lines)}</table><p class="about">{about}</p>'


def _sentence(error: BaseException) -> str:
    if isinstance(error, UserError):
        return str(error)
    _log.error("a personalisation failed", exc_info=error)
    return "The personalisation failed, and the server's log says why; what you had is still here."


def _hidden() -> Any:
    return gr.update(visible=False)


def _press(elem_id: str) -> str:
    """Script that presses a hidden download button once its file is there."""
    return f"() => setTimeout(() => document.querySelector('#{elem_id}')?.click(), 150)"


# -------------------------------------------------------------------------------------- sharing


class _Sharing:
    """Links to sessions, what this browser shares, and what it comes back to."""

    def __init__(self, app: gr.Blocks, page: _Page, store: Store) -> None:
        self.app, self.page, self.studio, self.store = app, page, page.studio, store
        # The key is no secret towards the browser, and every replica must read what another wrote.
        self.owner = gr.BrowserState("", storage_key="pti-owner", secret="pti")
        self.latest = gr.BrowserState("", storage_key="pti-desk", secret="pti")
        with gr.Accordion("What you share", open=False, elem_id="shares"):
            self.list = gr.Dropdown([], label="Kept on this server", elem_id="share-list")
            self.name = gr.Textbox(label="Name", max_length=MAX_NAME, elem_id="share-name")
            with gr.Row():
                self.rename = gr.Button("Rename", size="sm", elem_id="share-rename")
                self.delete = gr.Button(
                    "Delete now", size="sm", variant="stop", elem_id="share-delete"
                )

    def wire(self) -> None:
        page = self.page

        def private(name: str) -> dict[str, Any]:
            return {"api_name": f"page_{name}", "api_visibility": "undocumented"}

        panel = [page.stage, page.editing, page.empty, page.facts, *page.sliders]
        self.app.load(
            self.arrive,
            [self.owner, self.latest],
            [self.owner, self.list, page.desk, page.view, page.crop, page.start, *panel],
            show_progress_on=[page.stage],
            **private("arrive"),
        ).success(
            page.resume,
            page.desk,
            [page.bar, page.stage, page.start, page.stop, page.editing, page.empty],
            concurrency_limit=None,
            show_progress="hidden",
            **private("resume"),
        ).then(self.show_resumed, [page.desk, page.view, page.bar], panel, **private("resumed"))
        page.desk.change(lambda desk: desk or "", page.desk, self.latest, **private("latest"))
        page.share.click(
            self.share,
            [self.owner, page.desk, page.view, *page.sliders],
            [self.owner, self.list, page.link],
            concurrency_id="edit",
            concurrency_limit=1,
            **private("share"),
        ).success(None, page.link, page.link, js=_COPY_LINK, **private("copy"))
        chosen = [self.owner, self.list]
        self.rename.click(self.call, [*chosen, self.name], self.list, **private("rename"))
        self.delete.click(self.end, chosen, [self.list, page.link], **private("delete"))

    def arrive(self, owner: str, latest: str, request: gr.Request) -> Any:
        """The page was opened: what its link shows, or what this browser had before it reloaded."""
        page, view = self.page, VIEWS[0]
        known = [owner or new_secret(), self._listed(owner)]
        nothing = [gr.skip() for _ in range(8 + len(page.sliders))]
        try:
            share = request.query_params.get("s")
            if share is not None:
                desk, view = self.studio.open_share(self.store, share)
            elif latest and self.studio.desks.visit(latest):
                desk = self.studio.desks.get(latest)
            else:
                return [*known, *nothing]
        except UserError as error:
            gr.Warning(str(error), title="", duration=None)
            return [*known, *nothing]
        start = gr.Button("Personalise again" if desk.session else "Personalise", interactive=True)
        return [*known, desk.id, view, desk.crop, start, *page.show(desk.id, view)]

    def show_resumed(self, desk_id: str | None, view: str, bar: str) -> Any:
        return self.page.show(desk_id, view) if desk_id else gr.skip()

    @_in_a_sentence
    def share(self, owner: str, desk_id: str | None, view: str, *amounts: float) -> Any:
        """Keep what is on the screen, and give the link's end; the browser knows the beginning."""
        owner = owner or new_secret()
        edits = self.page._edits(amounts)
        record = self.studio.share(self.store, owner, desk_id or "", edits, view)
        return owner, self._listed(owner, record.id), gr.Textbox(f"/?s={record.id}", visible=True)

    @_in_a_sentence
    def call(self, owner: str, share: str | None, name: str) -> Any:
        self.store.rename(share, owner, name)
        return self._listed(owner, share)

    @_in_a_sentence
    def end(self, owner: str, share: str | None) -> Any:
        self.store.delete(share, owner)
        gr.Info("Deleted; the link says so to everybody from now on.", title="")
        return self._listed(owner), gr.Textbox("", visible=False)

    def _listed(self, owner: str, chosen: Any = None) -> Any:
        """What this browser shares, since when and until when."""
        try:
            own = self.store.of(owner)
        except UserError:
            own = []
        choices = [(_named(record), record.id) for record in own]
        return gr.Dropdown(choices, value=chosen or (own[0].id if own else None))


def _named(record: Record) -> str:
    since, until = (
        time.strftime("%d %b %Y, %H:%M UTC", time.gmtime(at))
        for at in (record.created, record.expires)
    )
    size = f"{max(record.size / 2**20, 0.1):.1f} MB"
    return f"{record.name or 'Unnamed'}: since {since}, until {until}, {size}"


# The tunnel of --share and a Space have addresses of their own: only the browser knows which.
_COPY_LINK = """(end) => {
  if (!(end || "").startsWith("/?s=")) return end;
  const link = location.origin + location.pathname.replace(/[/]$/, "") + end;
  navigator.clipboard?.writeText(link).catch(() => {});
  return link;
}"""


# ----------------------------------------------------------------------------- named endpoints


class _Endpoints:
    """Every action as an endpoint with plain types, for `gradio_client` and other programs."""

    def __init__(self, studio: Studio, controls: Sequence[Control]) -> None:
        self.studio, self.controls = studio, controls

    def add(self) -> None:
        with gr.Column(visible=False):
            desk = gr.Textbox(label="id")
            photograph = gr.File(label="photograph", type="filepath")
            session = gr.File(label="session", type="filepath")
            preset = gr.Dropdown(
                list(self.studio.preset_names), value=self.studio.preset_names[0], label="preset"
            )
            seed = gr.Number(0, precision=0, label="seed")
            choices = list(self.studio.generator_names)
            generator = gr.Dropdown(choices, value=choices[0], label="generator")
            edits = gr.JSON({}, label="edits")
            view = gr.Dropdown(list(VIEWS), value="face", label="view")
            side = gr.Number(0, precision=0, label="side")
            answer, picture = gr.JSON(label="answer"), gr.Image(label="picture", format="png")
            file = gr.File(label="file")
            press = gr.Button()
        self._cache = file.GRADIO_CACHE
        one: dict[str, Any] = {"concurrency_id": "edit", "concurrency_limit": 1}
        many: dict[str, Any] = {"concurrency_limit": None}
        press.click(self.align, photograph, [desk, picture], api_name="align")
        press.click(
            self.personalise,
            [desk, preset, seed, generator],
            answer,
            api_name="personalise",
            **many,
        )
        press.click(self.stop, desk, answer, api_name="stop", **many)
        press.click(self.edit, [desk, edits, view, side], file, api_name="edit", **one)
        press.click(self.save, [desk, edits], file, api_name="save_session")
        press.click(self.open, session, [desk, answer], api_name="open_session")
        press.click(self.forget, desk, answer, api_name="forget")
        press.click(self.directions, None, answer, api_name="directions")
        press.click(self.status, None, answer, api_name="status", **many)

    @_as_error
    def align(self, photograph: str | None) -> Any:
        """Find the face in a photograph: an id for the other calls, and the aligned crop."""
        if photograph is None:
            raise UserError("Give a photograph.")
        desk = self.studio.align(Path(photograph))
        return desk.id, desk.crop

    async def personalise(
        self, desk: str, preset: str, seed: int, generator: str
    ) -> AsyncIterator[Any]:
        """Tune the generator to the photograph of `align`; streams progress, ends with a report."""
        try:
            job = self.studio.personalise(desk, preset, int(seed), generator)
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from error
        async for progress in _watch(job, self.studio, desk):
            yield _plain(progress)
        if job.error is not None:
            raise gr.Error(_sentence(job.error), print_exception=False) from job.error
        yield {**_plain(job.progress()), "report": job.result}

    def stop(self, desk: str) -> dict[str, bool]:
        """End the personalisation with what it has reached; whether there was one."""
        return {"stopped": self.studio.stop(desk)}

    @_as_error
    def edit(self, desk: str, edits: Any, view: str, side: float | None) -> Any:
        """The edited picture as a PNG file.

        edits: direction to amount in its units, as {"age": 10}; see `directions`. view: "face" or
        "photograph". side: longest side at most; 0 for full resolution.
        """
        picture = self.studio.picture(desk, _checked(edits), view, int(side or 0) or None)
        return save_bytes_to_cache(to_png(picture), "edited.png", self._cache)

    @_as_error
    def save(self, desk: str, edits: Any) -> Any:
        """The session as a .safetensors file, with these edits in it."""
        data = self.studio.session_file(desk, _checked(edits))
        return save_bytes_to_cache(data, "session.safetensors", self._cache)

    @_as_error
    def open(self, session: str | None) -> Any:
        """Open a session file: an id for the other calls, and its edits and report."""
        if session is None:
            raise UserError("Give a session file.")
        desk = self.studio.open(Path(session))
        assert desk.session is not None
        return desk.id, {"edits": desk.session.edits, "report": desk.report}

    def forget(self, desk: str) -> dict[str, bool]:
        """Forget the photograph and everything made from it."""
        self.studio.forget(desk)
        return {"forgotten": True}

    def directions(self) -> list[dict[str, Any]]:
        """What can be edited, in which units, how far."""
        return [dataclasses.asdict(control) for control in self.controls]

    def status(self) -> dict[str, Any]:
        """Whether the networks are loaded, how many wait, and seconds a personalisation takes."""
        ready = self.studio.networks.ready
        names = self.studio.preset_names
        return {
            "ready": ready,
            "error": self.studio.networks.error,
            "loading": "" if ready else self.studio.networks.describe(),
            "waiting": len(self.studio.line),
            "seconds": {n: self.studio.expected_seconds(n) for n in names} if ready else {},
        }


class _ShareEndpoints:
    """Sharing, for other programs."""

    def __init__(self, studio: Studio, store: Store) -> None:
        self.studio, self.store = studio, store

    def add(self) -> None:
        with gr.Column(visible=False):
            desk, share = gr.Textbox(label="id"), gr.Textbox(label="share")
            secret, name = gr.Textbox("", label="secret"), gr.Textbox("", label="name")
            edits = gr.JSON({}, label="edits")
            view = gr.Dropdown(list(VIEWS), value="face", label="view")
            answer = gr.JSON(label="answer")
            press = gr.Button()
        one: dict[str, Any] = {"concurrency_id": "edit", "concurrency_limit": 1}
        inputs = [desk, edits, view, secret, name]
        press.click(self.share, inputs, answer, api_name="share", **one)
        press.click(self.open, share, [desk, answer], api_name="open_share")
        press.click(self.shares, secret, answer, api_name="shares")
        press.click(self.rename, [share, secret, name], answer, api_name="rename_share")
        press.click(self.delete, [share, secret], answer, api_name="delete_share")

    @_as_error
    def share(self, desk: str, edits: Any, view: str, secret: str, name: str) -> Any:
        """Keep the session with these edits: who has the link `/?s=SHARE` sees it and edits a copy.

        view: "face" or "photograph". secret: the one that an earlier call answered with, so that
        all your shares are listed together; empty for a new one. It allows to rename and delete.
        """
        key = secret or new_secret()
        record = self.studio.share(self.store, key, desk, _checked(edits), view, name)
        return {**_told(record), "secret": key}

    @_as_error
    def open(self, share: str) -> Any:
        """Open a share: an id for the other calls, and its edits, view and report."""
        desk, view = self.studio.open_share(self.store, share)
        assert desk.session is not None
        return desk.id, {"edits": desk.session.edits, "view": view, "report": desk.report}

    @_as_error
    def shares(self, secret: str) -> list[dict[str, Any]]:
        """All that is kept for the owner of this secret, since when (seconds since 1970, UTC) and
        until when."""
        return [_told(record) for record in self.store.of(secret)]

    @_as_error
    def rename(self, share: str, secret: str, name: str) -> Any:
        """Give a share another name, which only its owner sees."""
        return _told(self.store.rename(share, secret, name))

    @_as_error
    def delete(self, share: str, secret: str) -> Any:
        """Delete a share now, for everybody."""
        self.store.delete(share, secret)
        return {"deleted": True}


def _told(record: Record) -> dict[str, Any]:
    """A record without its owner's hash."""
    names = ("name", "created", "expires", "view", "size")
    return {
        "share": record.id,
        "link": f"/?s={record.id}",
        **{name: getattr(record, name) for name in names},
    }


def _checked(edits: Any) -> dict[str, Any]:
    if not isinstance(edits, dict) or len(edits) > 1000:
        raise UserError('Give the edits as an object of amounts, as in {"age": 10}.')
    return edits


def _plain(progress: Progress) -> dict[str, Any]:
    """Progress without its picture, as JSON."""
    names = ("state", "ahead", "stage", "index", "total", "done", "seconds_left")
    return {**{name: getattr(progress, name) for name in names}, "losses": dict(progress.losses)}


# -------------------------------------------------------------------------------- command line


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Serve the web page of {TITLE}.")
    add = parser.add_argument
    add("--port", type=int, help="default: GRADIO_SERVER_PORT, else the first free one from 7860")
    add("--host", help="default: GRADIO_SERVER_NAME, else this machine only; 0.0.0.0 for all")
    add("--share", action="store_true", help="make a public link through Gradio's tunnel")
    add(
        "--generator",
        choices=GENERATORS,
        default=os.environ.get("PTI_GENERATOR", GENERATORS[0]),
        help="auto: stylegan2 on a GPU, else mobile; default: PTI_GENERATOR, else auto",
    )
    add("--preset", choices=PRESET_NAMES, default=PRESET_NAMES[0], help="chosen at first")
    return parser.parse_args(arguments)


CSS = """
.gradio-container { max-width: 1240px !important; margin: 0 auto; }
.gradio-container .html-container { padding: 0; }
.gradio-container .prose { color: var(--body-text-color); }
#head { margin-bottom: -.4rem; }
#head h1 { font-size: 1.7rem; font-weight: 700; margin: 0; letter-spacing: -.02em; }
#head p { color: var(--body-text-color-subdued); margin: .1rem 0 0; font-size: 1.02rem; }
#status p { margin: 0; font-size: .88rem; color: var(--body-text-color-subdued); }
#status p::before { content: ""; display: inline-block; width: .55rem; height: .55rem;
  border-radius: 50%; margin-right: .5rem; background: #22c55e; }
#status p.loading::before { background: #f59e0b; animation: pulse 1.2s infinite; }
#status p.wrong::before { background: #ef4444; }
@keyframes pulse { 50% { opacity: .3; } }
.gradio-container h2 { font-size: 1.15rem !important; font-weight: 650; margin: 0; display: flex;
  align-items: center; }
h2 b { display: inline-grid; place-items: center; width: 1.5rem; height: 1.5rem;
  font-size: .85rem; border-radius: 50%; margin-right: .55rem;
  background: var(--primary-500); color: #fff !important; }
.gradio-container h3 { font-size: .78rem; font-weight: 600; text-transform: uppercase;
  letter-spacing: .06em; color: var(--body-text-color-subdued); margin: .2rem 0 -.4rem; }
.consent, .about { font-size: .8rem; line-height: 1.45; margin: -.3rem 0 0 !important;
  color: var(--body-text-color-subdued); }
.about { margin-top: 1rem !important; text-align: center; }
#or { align-items: end; justify-content: space-between; }
#examples .gallery-item, #examples button.gallery-item { width: 60px; height: 60px; padding: 0;
  overflow: hidden; border-radius: .5rem; }
#examples .gallery-item img, #examples .gallery-item .container { width: 60px; height: 60px;
  max-width: none; object-fit: cover; object-position: 50% 15%; border-radius: .5rem; }
#crop { border-radius: .6rem; }
#stage { background: transparent; }
.empty { aspect-ratio: 1; max-height: 560px; width: 100%; display: grid; place-content: center;
  gap: .4rem; text-align: center; padding: 2rem; border-radius: .75rem;
  border: 2px dashed var(--border-color-primary); }
.gradio-container .empty p { margin: 0; color: var(--body-text-color-subdued); }
.gradio-container .empty p:first-child { font-size: 1.1rem; font-weight: 600;
  color: var(--body-text-color); }
.bar { height: .55rem; border-radius: 1rem; overflow: hidden;
  background: var(--border-color-primary); }
.bar div { height: 100%; border-radius: 1rem; background: var(--primary-500);
  transition: width .4s linear; }
.bar-text { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem;
  font-size: .84rem; margin: .3rem 0 0 !important; font-variant-numeric: tabular-nums; }
.bar-text span:last-child { color: var(--body-text-color-subdued); }
#view-row { align-items: center; justify-content: space-between; flex-wrap: nowrap; }
.sliders .form { display: grid;
  background: var(--block-background-fill);
  grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); }
.caption { display: flex; justify-content: space-between; font-size: .82rem; margin: -.5rem 0 0;
  color: var(--body-text-color-subdued); }
footer .divider { display: none; }
table.facts { width: 100%; font-size: .9rem; border-collapse: collapse; }
table.facts th { text-align: left; font-weight: 500; padding: .3rem .5rem .3rem 0; }
table.facts td { padding: .3rem .5rem; font-variant-numeric: tabular-nums; }
table.facts td:last-child { color: var(--body-text-color-subdued); font-size: .82rem; }
@media (max-width: 640px) {
  .gradio-container { padding: .75rem !important; }
  #head h1 { font-size: 1.4rem; } #head p { font-size: .95rem; }
  .empty { aspect-ratio: 2; }
  #or { flex-direction: column; align-items: stretch; }
  #view .wrap { flex-wrap: nowrap; }
  #view label { padding: .4rem .55rem; font-size: .82rem; white-space: nowrap; }
  #view-row { gap: .4rem; }
}
"""

if __name__ == "__main__":
    main()
