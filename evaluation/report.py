"""The report of an evaluation, from its results: Markdown, and one HTML file with its pictures."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.measures import mean
from evaluation.tables import (
    NAMES,
    Table,
    claims,
    editing_table,
    effects_table,
    number,
    photographs_table,
    reconstruction_table,
)


@dataclass(frozen=True)
class Heading:
    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Code:
    text: str


@dataclass(frozen=True)
class Picture:
    """A picture's file, relative to the report, and what it shows."""

    file: str
    caption: str


Block = Heading | Text | Code | Table | Picture

CAPTIONS = {
    "reconstructions": "Photographs and their reconstructions (the paper's figures 4 and 5). "
    "id: identity distance from the photograph.",
    "edits": "The same edits by every method (figures 6, 9 and 10).",
    "sequential": "One edit after the other (figures 12 and 13).",
    "multi-identity": "Several people from one set of weights, each edited (figures 3 and 11).",
    "locality": "Random codes before tuning, and after it without and with the locality term "
    "(figure 14).",
    "drift": "Drift and target reconstruction, without and with the locality term (figure 15).",
    "alpha": "Drift and target reconstruction over alpha (figures 17 and 18).",
    "pivots": "Tuned around other pivots, and edited (figure 16).",
}


def build(results: Mapping[str, Any]) -> list[Block]:
    """The report of `results.json`'s content, block by block."""
    methods = results["made"]["settings"]["methods"]
    rows, done = results["rows"], results["experiments"]
    blocks: list[Block] = [
        Heading("The paper's experiments", 1),
        *_how(results),
        *_tables(rows, methods),
        *_orderings(rows, done.get("locality")),
        *(Text(paragraph) for paragraph in _paragraphs(results.get("notes", ""))),
        *_pictures(results, ("reconstructions", "edits", "sequential")),
    ]
    sections: dict[str, tuple[str, Callable[..., list[Block]], tuple[str, ...]]] = {
        "turning": ("Where a turn goes", _turning, ()),
        "multi": ("Several people, one generator", _multi, ("multi-identity",)),
        "locality": ("Locality regularisation", _locality, ("locality", "drift")),
        "alpha": ("Alpha", _alpha, ("alpha",)),
        "pivots": ("Pivots", _pivots, ("pivots",)),
        "same-person": ("Several photographs of one person", _same_person, ()),
    }
    for name, (title, describe, pictures) in sections.items():
        if name in done:
            left_out = done[name].get("left_out")
            body = [Text(f"Left out: {left_out}.")] if left_out else describe(done[name])
            blocks += [Heading(title), *body, *_pictures(results, pictures)]
    if rows:
        blocks += [Heading("Every photograph"), photographs_table(rows)]
    return blocks


def to_markdown(blocks: Sequence[Block]) -> str:
    """The report as Markdown; pictures lie beside it."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def to_html(blocks: Sequence[Block], folder: Path) -> str:
    """The report as one HTML file; pictures, read from `folder`, are inside of it."""
    body = "\n".join(_html(block, folder) for block in blocks)
    return f"<!doctype html>\n<html lang=en>\n{_HEAD}\n<body>\n{body}\n</body>\n</html>\n"


# ---------------------------------------------------------------------------------------- sections


def _how(results: Mapping[str, Any]) -> list[Block]:
    made = results["made"]
    settings = made["settings"]
    preset, steps = settings["preset"], settings["projection_steps"]
    own = preset["projection"]["steps"]
    blocks: list[Block] = [
        Text(
            f"Generator {made['generator']} ({made['fingerprint'][:12]}) at {made['resolution']} "
            f"pixels; preset {preset['name']}: {own} steps of projection, at most "
            f"{preset['tuning']['steps']} of tuning. W and W+ take {steps or own} steps "
            f"here (the paper: 450 and 2100). {len(results['photographs'])} photographs, seed "
            f"{settings['seed']}."
        ),
        Text(
            f"LPIPS: {made['lpips']}. Identity: {_identity(made)}. Drift: LPIPS at 256 pixels "
            f"between the tuned generator and its base at {settings['drift_samples']} random w. "
            "Mean ± standard deviation over the photographs; in brackets the paper's figures "
            "(StyleGAN2-FFHQ at 1024, 1000 photographs of CelebA-HQ, networks of its own): they "
            "show in which order the methods come, and cannot be met digit by digit."
        ),
    ]
    if results["skipped"]:
        told = "; ".join(f"{name}: {why.rstrip('.')}" for name, why in results["skipped"].items())
        blocks.append(Text(f"Left out: {told}."))
    if results["command"]:
        blocks += [Text("To repeat it:"), Code(results["command"])]
    return blocks


def _identity(made: Mapping[str, Any]) -> str:
    if made["identity"] is None:
        return "not measured"
    under = f"under {made['same_person']:g} two pictures show one person"
    return f"{made['identity']}, a distance, lower is nearer; {under}"


def _tables(rows: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> list[Block]:
    if not rows:
        return []
    return [
        Heading("Table 1: reconstruction"),
        reconstruction_table(rows, methods),
        Heading("Table 2: editing"),
        Text(
            "Edits are the same step in W for all methods: smile, pose and age at two thirds of "
            "the directions' ranges, single ones to both sides. Rotations are of achieved yaw: "
            "the step is sought for each person and method, up to twice the direction's range."
        ),
        editing_table(rows, methods),
        Text("What those edits move, from their low to their high amount:"),
        effects_table(rows, methods),
    ]


def _orderings(
    rows: Sequence[Mapping[str, Any]], locality: Mapping[str, Any] | None
) -> list[Block]:
    found = claims(rows, locality) if rows or locality else []
    lines = tuple((c.text, c.verdict, c.figures) for c in found if c.holds is not None)
    if not lines:
        return []
    return [Heading("The paper's orderings"), Table(("claim", "here", "figures"), lines)]


def _pictures(results: Mapping[str, Any], names: Sequence[str]) -> list[Block]:
    found = results["figures"]
    return [Picture(found[name], CAPTIONS[name]) for name in names if name in found]


def _multi(result: Mapping[str, Any]) -> list[Block]:
    lines = []
    for person in result["people"]:
        near, alone, edits = person["together"], person["alone"], person["editing"]
        cells = [person["photo"]]
        for key in ("mse", "lpips_256", "identity_distance"):
            cells.append(f"{number(near[key])} / {number(alone[key])}")
        cells += [number(edits["single_mean"]), number(edits["pose_magnitude"], ".2f")]
        lines.append(tuple(cells))
    columns = (
        *("person", "MSE, together / alone", "LPIPS 256", "identity distance"),
        *("after single edits", "pose magnitude"),
    )
    text = (
        f"{len(lines)} people, {result['steps_each']} steps of tuning for each; drift "
        f"{number(result['drift']['mean'])}."
    )
    return [Text(text), Table(columns, tuple(lines))]


def _paragraphs(notes: str) -> list[str]:
    """Paragraphs of a text, each on one line; its headings are for who reads the file."""
    found = (" ".join(part.split()) for part in notes.split("\n\n"))
    return [part for part in found if part and not part.startswith("#")]


def _turning(result: Mapping[str, Any]) -> list[Block]:
    shares: dict[float, list[Mapping[str, Any]]] = {}
    for row in result["rows"]:
        for found in row["shares"]:
            shares.setdefault(found["share"], []).append(found)
    lines, whole = [], None
    for share, found in shares.items():
        turned = mean([one["pose_magnitude"] for one in found])
        whole = turned if whole is None else whole
        part = turned / whole if turned is not None and whole else None
        cells = [f"{share:g}", number(mean([one["mse"] for one in found]))]
        cells.append(number(mean([one["identity_distance"] for one in found])))
        lines.append((*cells, number(turned, ".2f"), number(part, ".0%")))
    columns = ("share", "MSE", "identity distance", "pose magnitude, degrees", "of W's picture")
    text = (
        f"The same pose edit on {len(result['rows'])} photographs with a share of the tuned "
        "difference applied: 0 is W's picture, 1 is PTI's."
    )
    return [Text(text), Table(columns, tuple(lines))]


def _locality(result: Mapping[str, Any]) -> list[Block]:
    people = ", ".join(result["rows"][0]["people"])
    text = (
        f"One generator tuned on {result['identities']} people ({people}), by equation 3 alone and "
        f"with equations 6 and 7 (lambda_R {result['lambda_locality']:g}, alpha "
        f"{result['alpha']:g}), in as many steps; and by equation 3 alone in as many as come "
        "nearest to the targets' error with the term."
    )
    rows = [
        {**row, "variant": f"{row['variant']}: {row['steps_each']} steps each"}
        for row in result["rows"]
    ]
    return [Text(text), _drift_table("variant", rows)]


def _alpha(result: Mapping[str, Any]) -> list[Block]:
    text = f"One photograph, {result['steps']} steps of tuning, with the locality term (lambda_R "
    text += f"{result['lambda_locality']:g})."
    return [Text(text), _drift_table("alpha", result["rows"])]


def _drift_table(key: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    lines = []
    for row in rows:
        name, near = row[key], row["reconstruction"]
        cells = [name if isinstance(name, str) else f"{name:g}", number(row["drift"]["mean"])]
        cells += [number(near[k]) for k in ("mse", "lpips_256", "identity_distance")]
        lines.append(tuple(cells))
    return Table(
        (key, "drift", "MSE of the targets", "LPIPS 256", "identity distance"), tuple(lines)
    )


def _pivots(result: Mapping[str, Any]) -> list[Block]:
    lines = []
    for row in result["rows"]:
        near, edits = row["reconstruction"], row["editing"]
        cells = [NAMES.get(row["pivot"], row["pivot"])]
        cells += [number(near[k]) for k in ("mse", "lpips_256", "identity_distance")]
        cells += [number(edits["single_mean"])]
        cells += [number(edits["sequence"][-1] if edits["sequence"] else None)]
        cells += [number(edits["pose_magnitude"], ".2f")]
        lines.append(tuple(cells))
    columns = (
        *("pivot", "MSE", "LPIPS 256", "identity distance"),
        *("after single edits", "in sequence", "pose magnitude"),
    )
    text = f"{result['photo']}, {result['steps']} steps of tuning by equation 3 around each."
    return [Text(text), Table(columns, tuple(lines))]


def _same_person(result: Mapping[str, Any]) -> list[Block]:
    lines = []
    for row in result["rows"]:
        near = row["reconstruction"]
        keys = ("mse", "lpips", "lpips_256", "ms_ssim_distance", "identity_distance")
        lines.append((row["generator"], *(number(near[key]) for key in keys)))
    columns = (
        *("generator tuned on", "MSE", "LPIPS, full size", "LPIPS 256"),
        *("1 - MS-SSIM", "identity distance"),
    )
    whose = (
        "Generated pictures of one person" if result["generated"] else "Photographs of one person"
    )
    text = (
        f"{whose}. Held out: {result['held_out']}, projected to W of each generator without tuning "
        f"on it. Tuned on {', '.join(result['known'])}, {result['steps_each']} steps for each."
    )
    return [Text(text), Table(columns, tuple(lines))]


# ----------------------------------------------------------------------------------------- formats


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Text(text):
            return text
        case Code(text):
            return f"```sh\n{text}\n```"
        case Picture(file, caption):
            return f"![{caption}]({file})\n\n*{caption}*"
        case Table(columns, rows):
            lines = [columns, tuple("---" for _ in columns), *rows]
            return "\n".join(
                "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |"
                for line in lines
            )


def _html(block: Block, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Text(text):
            return f"<p>{html.escape(text)}</p>"
        case Code(text):
            return f"<pre>{html.escape(text)}</pre>"
        case Picture(file, caption):
            data = base64.b64encode((folder / file).read_bytes()).decode()
            told = html.escape(caption)
            return (
                f'<figure><img src="data:image/jpeg;base64,{data}" alt="{told}">'
                f"<figcaption>{told}</figcaption></figure>"
            )
        case Table(columns, rows):
            head = "".join(f"<th>{html.escape(cell)}</th>" for cell in columns)
            body = "\n".join(
                "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
                for row in rows
            )
            return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


_HEAD = """<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The paper's experiments</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: 13px }
td, th { border: 1px solid #ccc; padding: .3rem .6rem; text-align: left }
img { max-width: 100% } figure { margin: 1.5rem 0 } figcaption { color: #555 }
pre { background: #f4f4f4; padding: .8rem; overflow-x: auto }
</style>
</head>"""
