"""What the page says: names, durations, progress, facts. Text and HTML only."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.job_queue import Progress
from service.studio import Likeness, Studio
from service.time_estimates import seconds_to_draft
from web.files import CACHE_SECONDS

if TYPE_CHECKING:
    from pti_core.models import EditModels

TITLE = "PTI Studio"
TAGLINE = "Change age, smile, hair or light in a photo of a face, and keep the person."
CONSENT = (
    "Use photos of yourself or of people who agreed. They go to this server only, which deletes "
    f"the uploaded file within {2 * CACHE_SECONDS // 60} minutes and forgets the rest within "
    "an hour after you leave. Nothing is kept unless you share it."
)
PRESETS = {"fast": "Quick", "paper": "Best quality"}
GENERATORS = {
    "auto": "Automatic",
    "stylegan2": "Detailed: StyleGAN2 (much slower without a graphics card)",
    "mobile": "Light: MobileStyleGAN (comes with the app)",
}
#: The three stages that a person sees, by the names of the work's own.
STAGE_NUMBERS = {"invert": 1, "tune": 2, "fit edits": 3, "measure": 3}
STAGES = ("Looking at the photo", "Finding a similar face", "Learning the details", "Finishing")
#: The small pictures of the first screen; `web.serve` lets them be fetched.
PREVIEWS = Path(__file__).parents[1] / "examples" / "previews"


def preset(name: str) -> str:
    return PRESETS.get(name, name.capitalize())


def duration(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 50:
        return f"about {max(round(seconds / 5) * 5, 5)} s"
    if seconds < 90 * 60:
        return f"about {max(round(seconds / 60), 1)} min"
    return f"about {round(seconds / 3600)} h"


def status(studio: Studio, workspace: str = "") -> dict[str, Any]:
    """Whether the server is ready, and how long learning a face takes with each preset.

    workspace: the one that asks; it does not wait for its own job.
    """
    networks = studio.networks
    if networks.error:
        return {"state": "wrong", "status": networks.error, "times": {}}
    if not networks.ready:
        what = studio.choices.describe()
        started = f"Starting{': ' if what else ''}{what} …"
        early = studio.choices.can_edit and "Ready-made faces work; new faces in a moment …"
        return {"state": "loading", "status": early or started, "times": {}}
    names, expected = studio.preset_names, studio.expected_seconds
    chosen = studio.workspaces.get(workspace).photographs if workspace in studio.workspaces else ()
    people = max(len(chosen), 1)
    times = {name: duration(expected(name, people)) for name in names}
    first = {name: duration(expected(name, people, seconds_to_draft)) for name in names}
    others = len(studio.line) - (studio.line.job_of(workspace) is not None)
    queue = f", {others} {'person' if others == 1 else 'people'} before you" if others else ""
    return {
        "state": "ready",
        "status": f"Ready, a new face in {next(iter(first.values()))}{queue}",
        "times": times,
        "first": first,
        "about": networks.get().about,
    }


def progress(now: Progress) -> str:
    """What a personalisation does now."""
    if now.state == "waiting":
        others = f"{now.ahead} {'person' if now.ahead == 1 else 'people'}"
        return f"In the queue: {others} before you" if now.ahead else "You are next"
    return STAGES[STAGE_NUMBERS.get(now.stage, 0)]


def days(number: float) -> str:
    """How long a link lasts."""
    return f"{number:g} {'day' if number == 1 else 'days'}"


def likeness(found: Likeness) -> dict[str, Any]:
    """How near the edited face is to the photograph's, as a share, and in words."""
    share = found.distance / found.same_person
    if share < 0.75:
        state, said = "same", "Looks like the same person"
    elif share < 1:
        state, said = "near", "Still the same person, just about"
    else:
        state, said = "other", "Looks like somebody else"
    about = f"{found.network}: distance {found.distance:.2f}; another person from "
    return {
        "state": state,
        "said": said,
        "share": max(1 - share / 1.5, 0.0),
        "about": f"{about}{found.same_person:g} on.",
    }


def facts(report: Mapping[str, Any]) -> list[list[str]]:
    """How near the unedited picture is to the photograph: rows of label, value, explanation."""
    rows = (
        ("Difference of the pixels", "mse", "0 is the same, under 0.01 is near (mean square)"),
        ("Visible difference", "lpips", "0 is the same (LPIPS)"),
        ("Structure", "ms_ssim", "1 is the same (MS-SSIM)"),
        ("Difference of the faces", "identity_distance", "under 0.6 is the same person"),
        ("Time", "seconds", "seconds to learn the face"),
        ("Steps", "steps", "of learning"),
    )
    return [
        [label, f"{report[key]:.4g}", note]
        for label, key, note in rows
        if isinstance(report.get(key), int | float)
    ]


def example_cards(names: Sequence[str]) -> str:
    """A button for each ready-made session, with its picture."""
    return "".join(
        f'<button type="button" class="example" data-example="{html.escape(name)}">'
        f'<img src="{_picture(name, "small")}" alt="" width="88" height="88">'
        f"<span>{html.escape(name.capitalize())}</span></button>"
        for name in names
    )


def hero(names: Sequence[str]) -> str:
    """The pictures of the first screen: one face before and after."""
    if not names:
        return ""
    first = "obama" if "obama" in names else names[0]
    return (
        f'<img class="hero-before" src="{_picture(first, "before")}" width="360" height="360" '
        'alt="A photo of a man">'
        f'<img class="hero-after" src="{_picture(first, "after")}" width="360" height="360" '
        'alt="The same man, edited">'
    )


def _picture(name: str, state: str) -> str:
    """The address of a small picture of an example, relative to the page's."""
    return f"gradio_api/file={PREVIEWS / f'{name}-{state}.jpg'}"


def what_is_off(models: EditModels) -> str:
    """What the open session's generator cannot have of the page; "" for FFHQ's faces."""
    if "age" in models.directions:
        return ""
    if models.parser is not None:
        return "Looks and words do not work with this face model, so they are off."
    return (
        "This server edits pictures other than faces, so looks, words, hair colour, the measure "
        "of likeness and keeping the background are off."
    )
