"""What the page says: names, durations, progress, facts. Text and HTML only."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from service.job_queue import Progress
from service.studio import Likeness, Studio
from web.files import CACHE_SECONDS

TITLE = "PTI Studio"
HEAD = (
    f"<h1>{TITLE}</h1><p>Make a face generator your own from one photograph, then edit "
    "the photograph with it.</p>"
)
CONSENT = (
    "Use photographs of yourself or of people who agreed. They go to this server only, which "
    f"deletes the uploaded file within {2 * CACHE_SECONDS // 60} minutes and forgets the rest "
    "soon after you leave. Nothing is kept unless you share it."
)
EMPTY = """<div class="empty"><p>Your face appears here.</p>
<p>Choose a photograph and personalise it, or open a session file.</p></div>"""
CAPTION = '<p class="caption"><span>Photograph</span><span>Edited</span></p>'
PRESETS = {"fast": "Fast", "paper": "Paper’s settings"}
GENERATORS = {
    "auto": "Automatic: StyleGAN2 where a GPU is, else the embedded one",
    "stylegan2": "StyleGAN2-FFHQ: on a CPU about ten times slower",
    "mobile": "Embedded (MobileStyleGAN)",
}
VIEWS = {"face": "Face", "photograph": "In the photograph"}
STAGES = {
    "invert": "Finding the face in the generator",
    "tune": "Tuning the generator to it",
    "fit edits": "Trying the sliders on this face",
    "measure": "Comparing the result with the photograph",
}


def preset(name: str) -> str:
    return PRESETS.get(name, name.capitalize())


def duration(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 50:
        return f"about {max(round(seconds / 5) * 5, 5)} s"
    if seconds < 90 * 60:
        return f"about {max(round(seconds / 60), 1)} min"
    return f"about {round(seconds / 3600)} h"


def about(text: str) -> str:
    """The line at the foot of the page."""
    return f'<p class="about">{html.escape(text)}</p>'


def status(studio: Studio) -> str:
    """The line under the title: whether the networks are there, and how long things take."""
    networks = studio.networks
    if networks.error:
        return f'<p class="wrong">{html.escape(networks.error)}</p>'
    if not networks.ready:
        what = html.escape(networks.describe())
        return f'<p class="loading">Getting ready{": " if what else ""}{what} …</p>'
    times = " or ".join(
        f"{duration(studio.expected_seconds(name))} ({preset(name)})"
        for name in studio.preset_names
    )
    waiting = len(studio.line)
    line = f", with {waiting} in the line before you" if waiting else ""
    return f'<p class="ready">Ready. Personalising takes {times}{line}.</p>'


def bar(progress: Progress) -> str:
    """How far a personalisation is."""
    left = "" if progress.seconds_left is None else f"{duration(progress.seconds_left)} left"
    if progress.state == "waiting":
        text = f"Waiting: {progress.ahead} before you"
    elif not progress.stage:
        text = "Looking at the photograph, and loading the generator if it was not used yet"
    else:
        text = STAGES.get(progress.stage, progress.stage.capitalize())
        if progress.total > 1:
            text += f", step {progress.index} of {progress.total}"
    return bar_of(progress.done, text, left, progress.note)


def bar_of(done: float, text: str, left: str = "", note: str = "") -> str:
    """A bar, filled to the share `done`, and what it says; `note` stands under it."""
    share = round(100 * min(done, 1))
    below = f'<p class="note">{html.escape(note)}</p>' if note else ""
    return (
        f'<div class="bar" role="progressbar" aria-valuenow="{share}" aria-valuemin="0" '
        f'aria-valuemax="100"><div style="width:{share}%"></div></div>'
        f'<p class="bar-text"><span>{text}</span><span>{left}</span></p>{below}'
    )


def gauge(likeness: Likeness | None) -> str:
    """How far the edited face is from the photograph's, and where another person begins."""
    if likeness is None:
        return ""
    share = likeness.distance / likeness.same_person
    if share < 0.75:
        state, said = "same", "The same person"
    elif share < 1:
        state, said = "near", "Still the same person, but near the limit"
    else:
        state, said = "other", "Another person: the edits went far from the photograph"
    # The limit stands at two thirds of the bar's width.
    return (
        f'<div class="gauge {state}" role="meter" aria-valuemin="0" aria-valuemax="1.5" '
        f'aria-valuenow="{share:.2f}" aria-label="Distance to the photograph">'
        f'<div style="width:{min(100 * share / 1.5, 100):.0f}%"></div></div>'
        f'<p class="gauge-text"><span>{said}</span><span title="{html.escape(likeness.network)}">'
        f"distance {likeness.distance:.2f} of {likeness.same_person:g}</span></p>"
    )


def facts(report: Mapping[str, Any]) -> str:
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
    return f'<table class="facts">{"".join(lines)}</table>{about(str(report.get("about") or ""))}'
