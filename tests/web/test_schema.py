"""Whatever a program sends to an endpoint is answered with a result or a clear sentence."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import gradio as gr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pti_core.editing.controls import controls_of
from service.share_store import Store
from service.studio import Studio
from tests.helpers.small import SHORT, small_tuning_models
from web.api.schema import FAILED, PARAMETERS, parameters_of
from web.serve import create_app

ENDPOINTS = {
    *("align", "faces", "personalise", "refine", "stop", "edit", "save_session", "open_session"),
    *("forget", "directions", "status", "add_person", "show_person"),
    *("likeness", "variation", "strip", "animate", "understand", "edit_text"),
    *("open_file", "use_code", "add_directions", "calibrate", "export"),
    *("share", "open_share", "shares", "rename_share", "delete_share"),
}
#: What no parameter may be.
ODD: list[Any] = [
    *(10**400, -(10**400), math.nan, math.inf, True, [], [[]], [1, 2], {"path": 5}, 1e300, 0.5),
    {"age": "NaN"},
    {"age": math.nan},
    {"age": True},
    {"age": 10**400},
    {"age": None},
    {"": []},
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"path": "\0", "meta": {"_type": "gradio.FileData"}},
    {"path": "http://127.0.0.1:1/x", "meta": {"_type": "gradio.FileData"}},
]
WRONG: dict[str, list[Any]] = {
    "desk": [5, 10**400, None, True, ["x"], {}],
    "share": [5, None, True, ["x"], {}],
    "secret": [5, 0.5, True, ["x"], {}],
    "photograph": [5, None, True, "x", ["x"], {}, {"path": 5}, {"path": ""}, *ODD[-3:]],
    "session": [5, None, True, "x", ["x"], {}, {"path": 5}, *ODD[-3:]],
    "file": [5, None, True, "x", ["x"], {}, {"path": 5}, *ODD[-3:]],
    "preset": [5, True, ["fast"], {}, "x" * 5000],
    "generator": [5, True, ["auto"], {}],
    "seed": [-1, 2**32, 10**400, 0.5, math.nan, math.inf, "NaN", "7", True, [1], {}],
    "edits": [5, "NaN", True, [1], {"age": "NaN"}, {"age": True}, {"age": [1]}, *ODD[11:16]],
    "start": [5, "NaN", True, [1], {"age": "old"}, {"age": math.inf}],
    "view": [5, True, ["face"], {}, "", "profile"],
    "side": [-5, 10**400, 0.5, math.nan, "NaN", True, [1], {}],
    "face": [-1, 10**400, 0.5, math.nan, "0", True, [0], {}],
    "square": [5, True, "all", {}, [1, 2], [1, 2, None], [0, 0, math.nan], [0, 0, 10**400]],
    "person": [-1, 10**400, 0.5, math.nan, "0", True, [0], {}],
    "name": [5, True, ["age"], {}, "x" * 5000],
    "frames": [1, 61, -(10**400), 2.5, math.nan, "16", True, [16], {}],
    "form": [5, True, ["gif"], {}, "avi"],
    "prompt": [5, None, True, ["older"], {}, "x" * 5000],
    "way": [5, True, ["auto"], {}, "magic"],
    "strength": [10**400, math.nan, math.inf, "NaN", True, [1], {}],
}


@pytest.fixture(scope="module")
def blocks(generator, lpips, directions, tmp_path_factory) -> gr.Blocks:
    models = small_tuning_models(generator, lpips, directions)
    studio = Studio(lambda report: models, {"short": SHORT})
    studio.networks.get()
    store = Store(tmp_path_factory.mktemp("shares"))
    made = create_app(studio, controls_of(directions.values()), "A generator.", store=store)
    made.has_launched = True  # files that were not uploaded are refused from then on
    return made


def endpoints(blocks: gr.Blocks) -> dict[str, Any]:
    public = (fn for fn in blocks.fns.values() if fn.api_visibility == "public")
    return {fn.api_name: fn for fn in public if isinstance(fn.api_name, str)}


def answer(blocks: gr.Blocks, name: str, values: list[Any]) -> str:
    """The sentence that a call is answered with; "" for a result."""
    from gradio.context import LocalContext

    async def call() -> str:
        LocalContext.blocks.set(blocks)
        try:
            await blocks.process_api(endpoints(blocks)[name], values)
        except gr.Error as error:
            assert isinstance(error.message, str)
            return error.message
        return ""

    return asyncio.run(call())


def sensible(name: str) -> Any:
    """A value that its parameter takes."""
    parameter = PARAMETERS[name]
    if parameter.default is None:
        return None
    return parameter.default if isinstance(parameter.default, str | int | float | dict) else "none"


def test_every_parameter_of_every_endpoint_is_in_the_schema(blocks):
    found = endpoints(blocks)
    assert set(found) == ENDPOINTS
    for name, fn in found.items():
        assert set(parameters_of(fn.fn)) <= set(PARAMETERS) == set(WRONG), name
        assert len(parameters_of(fn.fn)) == len(fn.inputs), name


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_a_wrong_value_is_answered_by_its_name(blocks, name):
    names = parameters_of(endpoints(blocks)[name].fn)
    for index, parameter in enumerate(names):
        for wrong in WRONG[parameter]:
            values = [sensible(other) for other in names]
            values[index] = wrong
            # Files are fetched and looked for after all values are read.
            others = [
                other for other in names[:index] if other in ("photograph", "session", "file")
            ]
            said = answer(blocks, name, values)
            assert said.endswith(".") and "\n" not in said, (parameter, wrong, said)
            assert parameter in said or others or "photograph" in said, (parameter, wrong, said)
            assert said != FAILED


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_too_many_and_too_few_values(blocks, name):
    names = parameters_of(endpoints(blocks)[name].fn)
    assert "no more than that" in answer(blocks, name, [None] * (len(names) + 1))
    if names and not isinstance(PARAMETERS[names[0]].default, str | int | dict):
        assert answer(blocks, name, []) == (
            f"{names[0]} is missing; {name} takes {', '.join(names)}."
        )


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(ODD),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(name=st.sampled_from(sorted(ENDPOINTS)), values=st.lists(anything, max_size=7))
def test_whatever_is_sent_is_answered_in_a_sentence(blocks, name, values):
    said = answer(blocks, name, values)
    assert said == "" or (said.endswith((".", "?")) and "\n" not in said and said != FAILED), said
    assert "Traceback" not in said and "/tmp" not in said


def test_what_fails_inside_is_a_sentence_too(blocks, caplog):
    fn = endpoints(blocks)["status"]
    real = fn.fn
    fn.fn = lambda: 1 / 0
    try:
        assert answer(blocks, "status", []) == FAILED
    finally:
        fn.fn = real
    assert "division by zero" in caplog.text


def test_json_holds_numbers_that_are_none(blocks):
    """What comes over the wire: JSON as Python reads it, with NaN and any length."""
    for text in ("NaN", "Infinity", "1" + "0" * 400, "[[[[[]]]]]"):
        said = answer(blocks, "edit", ["x", {}, "face", json.loads(text)])
        assert said.startswith("side is not a whole number")
