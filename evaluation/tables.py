"""The paper's tables beside ours, and whether its orderings hold here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.measures import EDITS, ROTATIONS, mean, std

#: Roich et al. 2021, table 1: StyleGAN2-FFHQ 1024, first 1000 test images of CelebA-HQ.
PAPER_RECONSTRUCTION = {
    "w": {"lpips": 0.4, "mse": 0.08, "ms_ssim_distance": 0.38, "similarity": 0.8},
    "w+": {"lpips": 0.34, "mse": 0.043, "ms_ssim_distance": 0.3, "similarity": 0.85},
    "e4e": {"lpips": 0.4, "mse": 0.05, "ms_ssim_distance": 0.38, "similarity": 0.75},
    "pti": {"lpips": 0.09, "mse": 0.014, "ms_ssim_distance": 0.21, "similarity": 0.9},
}
#: Table 2. Identities are similarities of a face recognition network: higher is better.
PAPER_EDITING = {
    "w": {"pose": 15, "single": 0.82, "sequence": 0.78, "5": 0.79, "10": 0.75},
    "w+": {"pose": 11.15, "single": 0.85, "sequence": 0.81, "5": 0.82, "10": 0.77},
    "e4e": {"pose": 14.6, "single": 0.79, "sequence": 0.73, "5": 0.77, "10": 0.72},
    "pti": {"pose": 14.86, "single": 0.9, "sequence": 0.82, "5": 0.84, "10": 0.78},
}
NAMES = {"w": "W", "w+": "W+", "e4e": "e4e", "pti": "PTI"}
#: Name of the variant of the locality ablation to which "with" is compared.
AS_NEAR = "without, as near"


@dataclass(frozen=True)
class Table:
    """A table as text, ready for a report."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Claim:
    """One ordering of the paper: whether it holds here (None: not measured), and the figures."""

    text: str
    holds: bool | None
    figures: str

    @property
    def verdict(self) -> str:
        return {True: "holds", False: "does not hold", None: "not measured"}[self.holds]


#: A metric of table 1: its column, its key, the paper's key.
_RECONSTRUCTION = (
    ("LPIPS, full size", "lpips", "lpips"),
    ("LPIPS at 256", "lpips_256", None),
    ("MSE", "mse", "mse"),
    ("1 - MS-SSIM", "ms_ssim_distance", "ms_ssim_distance"),
    ("identity distance", "identity_distance", "similarity"),
)


def reconstruction_table(rows: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> Table:
    """Table 1: mean and standard deviation over the photographs; the paper's figure in brackets."""
    lines = []
    for method in methods:
        mine = [row["reconstruction"] for row in rows if row["method"] == method]
        cells = [NAMES[method], str(len(mine))]
        for _, key, paper in _RECONSTRUCTION:
            theirs = PAPER_RECONSTRUCTION[method].get(paper) if paper else None
            word = "similarity " if paper == "similarity" else ""
            cells.append(_beside([row[key] for row in mine], theirs, word))
        cells.append(_with_std([row["seconds"] for row in rows if row["method"] == method], "0.0f"))
        lines.append(tuple(cells))
    return Table(("method", "photographs", *(n for n, _, _ in _RECONSTRUCTION), "s"), tuple(lines))


def editing_table(rows: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> Table:
    """Table 2: pose magnitude and identity distances; the paper's similarities in brackets."""
    lines = []
    for method in methods:
        mine = [row["editing"] for row in rows if row["method"] == method]
        paper = PAPER_EDITING[method]
        cells = [NAMES[method], _beside(magnitudes(mine), paper["pose"], form=".2f")]
        cells.append(_beside([row["single_mean"] for row in mine], paper["single"], "similarity "))
        cells += [_with_std([row["single"].get(edit) for row in mine]) for edit in EDITS]
        last = [row["sequence"][-1] if row["sequence"] else None for row in mine]
        cells.append(_beside(last, paper["sequence"], "similarity "))
        for degrees in ROTATIONS:
            values = rotation_distances(mine, degrees)
            cells.append(_beside(values, paper[f"{degrees:g}"], "similarity "))
        lines.append(tuple(cells))
    columns = (
        "method",
        "pose magnitude, degrees",
        "identity distance, single edits",
        *EDITS,
        "in sequence, all three",
        *(f"rotated ±{degrees:g}°" for degrees in ROTATIONS),
    )
    return Table(columns, tuple(lines))


def effects_table(rows: Sequence[Mapping[str, Any]], methods: Sequence[str]) -> Table:
    """What the edits of table 2 move from their low to their high amount, by their own measures.

    Without it an edit that does little would look like one that keeps the person.
    """
    lines = []
    for method in methods:
        mine = [row["editing"]["effects"] for row in rows if row["method"] == method]
        cells = [_with_std([row.get(edit) for row in mine], ".2f") for edit in EDITS]
        lines.append((NAMES[method], *cells))
    return Table(("method", "smile, smiles", "pose, degrees", "age, years"), tuple(lines))


def photographs_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Every photograph and method: the figures of both tables."""
    lines = []
    for row in rows:
        near, edits = row["reconstruction"], row["editing"]
        cells = [row["photo"], NAMES[row["method"]]]
        cells += [number(near[key]) for _, key, _ in _RECONSTRUCTION]
        cells += [number(edits["pose_magnitude"], ".2f"), number(edits["single_mean"])]
        cells += [number(edits["sequence"][-1] if edits["sequence"] else None)]
        cells += [number(v) for d in ROTATIONS for v in rotation_distances([edits], d)]
        cells += [number(row["drift"]["mean"] if "drift" in row else None)]
        cells += [
            "+".join(str(n) for n in row["steps"].values() if n),
            number(row["seconds"], ".0f"),
        ]
        lines.append(tuple(cells))
    columns = (
        *("photograph", "method"),
        *(name for name, _, _ in _RECONSTRUCTION),
        *("pose", "single", "sequence"),
        *(f"±{degrees:g}°" for degrees in ROTATIONS),
        *("drift", "steps", "s"),
    )
    return Table(columns, tuple(lines))


def claims(
    rows: Sequence[Mapping[str, Any]],
    locality: Mapping[str, Any] | None = None,
) -> list[Claim]:
    """The paper's orderings, each with whether it holds in these figures."""
    found = [
        _lower(rows, f"{label}: PTI is better than {NAMES[other]}", other, _near(key))
        for label, key, _ in _RECONSTRUCTION
        for other in ("w", "w+")
    ]
    found.append(_pose_kept(rows))
    found.append(_pose_larger(rows))
    found += [
        _lower(rows, f"Identity {label}: PTI is better than W", "w", get)
        for label, get in _IDENTITIES.items()
    ]
    if locality and locality.get("rows"):
        found += _locality_claims(locality)
    return found


def magnitudes(editing: Sequence[Mapping[str, Any]]) -> list[float | None]:
    return [row["pose_magnitude"] for row in editing]


def rotation_distances(editing: Sequence[Mapping[str, Any]], degrees: float) -> list[float | None]:
    return [(row["rotations"].get(f"{degrees:g}") or {}).get("distance") for row in editing]


def number(value: float | None, form: str = ".4f") -> str:
    """A figure as text; a dash where there is none."""
    return "-" if value is None else format(value, form)


# ------------------------------------------------------------------------------------------ claims

Get = Callable[[Mapping[str, Any]], float | None]


def _near(key: str) -> Get:
    return lambda row: row["reconstruction"][key]


def _last(row: Mapping[str, Any]) -> float | None:
    return row["editing"]["sequence"][-1] if row["editing"]["sequence"] else None


def _turned(degrees: float) -> Get:
    return lambda row: rotation_distances([row["editing"]], degrees)[0]


_IDENTITIES: dict[str, Get] = {
    "after single edits": lambda row: row["editing"]["single_mean"],
    "after three in sequence": _last,
    **{f"at ±{degrees:g} degrees": _turned(degrees) for degrees in ROTATIONS},
}


def pairs(
    rows: Sequence[Mapping[str, Any]], first: str, second: str, get: Get
) -> list[tuple[float, float]]:
    """A figure of two methods on the photographs that have it by both."""
    by = {(row["photo"], row["method"]): get(row) for row in rows}
    found = []
    for name in dict.fromkeys(row["photo"] for row in rows):
        a, b = by.get((name, first)), by.get((name, second))
        if a is not None and b is not None:
            found.append((a, b))
    return found


def _lower(rows: Sequence[Mapping[str, Any]], text: str, other: str, get: Get) -> Claim:
    both = pairs(rows, "pti", other, get)
    if not both:
        return Claim(text, None, "-")
    ours, theirs = mean([a for a, _ in both]), mean([b for _, b in both])
    assert ours is not None and theirs is not None
    wins = sum(a < b for a, b in both)
    figures = f"{ours:.4f} against {theirs:.4f}; on {wins} of {len(both)} photographs"
    return Claim(text, ours < theirs, figures)


def _pose(rows: Sequence[Mapping[str, Any]], other: str) -> tuple[float, float] | None:
    both = pairs(rows, "pti", other, lambda row: row["editing"]["pose_magnitude"])
    ours, theirs = mean([a for a, _ in both]), mean([b for _, b in both])
    return None if ours is None or theirs is None else (ours, theirs)


def _pose_kept(rows: Sequence[Mapping[str, Any]]) -> Claim:
    text, both = "Pose magnitude of PTI is within 3 % of W's", _pose(rows, "w")
    if both is None:
        return Claim(text, None, "-")
    share = both[0] / both[1]
    figures = f"{both[0]:.2f} against {both[1]:.2f} degrees: {100 * share:.1f} %"
    return Claim(text, abs(share - 1) <= 0.03, figures)


def _pose_larger(rows: Sequence[Mapping[str, Any]]) -> Claim:
    text, both = "Pose magnitude of PTI is larger than W+'s", _pose(rows, "w+")
    if both is None:
        return Claim(text, None, "-")
    return Claim(text, both[0] > both[1], f"{both[0]:.2f} against {both[1]:.2f} degrees")


def _locality_claims(locality: Mapping[str, Any]) -> list[Claim]:
    by = {row["variant"]: row for row in locality["rows"]}
    without, with_term = by[AS_NEAR], by["with"]
    if not without["drift"]["mean"]:  # tuning moved nothing: there is nothing to hold
        return [Claim("Drift with locality is at most half of that without", None, "-")]
    drift = with_term["drift"]["mean"] / without["drift"]["mean"]
    mse = with_term["reconstruction"]["mse"] / without["reconstruction"]["mse"]
    count = locality["identities"]
    return [
        Claim(
            f"Drift with locality is at most half of that without, as near ({count} identities)",
            drift <= 0.5,
            f"{with_term['drift']['mean']:.4f} against {without['drift']['mean']:.4f}: {drift:.2f}",
        ),
        Claim(
            "at a target reconstruction (MSE) within 10 %",
            mse <= 1.1,
            f"{with_term['reconstruction']['mse']:.4f} against "
            f"{without['reconstruction']['mse']:.4f}: {100 * (mse - 1):+.1f} %",
        ),
    ]


# ------------------------------------------------------------------------------------------- cells


def _beside(
    values: Sequence[float | None], paper: float | None, word: str = "", form: str = ".4f"
) -> str:
    text = _with_std(values, form)
    return text if paper is None else f"{text} ({word}{paper:g})"


def _with_std(values: Sequence[float | None], form: str = ".4f") -> str:
    middle, around = mean(list(values)), std(list(values))
    missing = sum(value is None for value in values)
    text = number(middle, form) + ("" if around is None else f" ± {around:{form}}")
    return text if middle is None or not missing else f"{text}, {missing} without"
