"""What README, docs and page promise about time, privacy and limits are the numbers of the code."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from app import keep_tidy
from mappers.prompts.text import MAX_PROMPT
from mappers.styleclip.optimisation import OptimisationConfig
from pti_core.editing import render_cache
from pti_core.faces import decode, heif_process, picture_end
from scripts.house_limits import product_files
from service import (
    free_disk,
    job_limits,
    job_queue,
    malloc_tuning,
    share_store,
    studio,
    workspaces,
)
from service.share_store import Store
from service.workspaces import Workspaces
from web import connections, files, job_watch, page_text
from web import event_queue_guard as guard
from web.api import fetch
from web.middleware.body_limit import Limits
from web.page import markup, script
from web.tabs import tasks
from web.temporary_folder import TemporaryFolder

ROOT = Path(__file__).parents[2]
MB, LIMITS, CONNECTIONS = 2**20, Limits(), connections.Limits()


def words(path: str) -> str:
    """A document's text with every run of spaces and line ends as one space."""
    return " ".join((ROOT / path).read_text("utf-8").split())


def _default_seconds(function: Callable[..., object]) -> int:
    return int(inspect.signature(function).parameters["seconds"].default)


PLACES = ["", "one", "two", "three", "four"][job_limits.PLACES_OF_AN_ADDRESS]
README = [
    "what is in memory goes within an hour after the last tab that shows it is closed",
    f"leave the temporary folder, which only its user can read, within "
    f"{2 * files.CACHE_SECONDS // 60} minutes",
    f"Links end after {share_store.DEFAULT_DAYS:g} days",
    f"a person has one place in the line, a network address {PLACES}",
    f"accepts {files.MAX_UPLOAD.removesuffix('mb')} MB",
]
DEPLOYMENT = [
    f"{LIMITS.body // MB} MB, {LIMITS.seconds:g} s; a tool call {LIMITS.tool // MB} MB",
    f"{files.MAX_UPLOAD.removesuffix('mb')} MB, {LIMITS.silence:g} s without a byte, "
    f"{LIMITS.rate // 1024} kB/s after the first minute; {LIMITS.uploads_of_one} at a time of an "
    f"address, {LIMITS.uploads} in all; {LIMITS.kept_of_one // 2**30} GB of an address in "
    f"{LIMITS.keeping / 60:g} minutes",
    f"{CONNECTIONS.head:g} s for the head of a request, {CONNECTIONS.stall:g} s in which nothing",
    f"{CONNECTIONS.of_address} of an address, {CONNECTIONS.together} in all",
    f"leave {free_disk.FLOOR // MB} MB, pictures made here {free_disk.LAST_FLOOR // MB} MB",
    f"{decode.MAX_PIXELS // 10**6} million pixels",
    f"at most {picture_end.SLACK // 1024} kB behind the end of a PNG",
    f"together {decode.MAX_BYTES // 10**6} MB, one at a time",
    f"in a process of its own, {heif_process.SECONDS:g} s",
    f"{guard.MAX_OF_LANE} in a lane ({guard.MAX_OF_LONG_LANE} for animations and "
    f"strips), {guard.MAX_OF_SESSION} of a session, {guard.MAX_OF_ADDRESS} of an "
    f"address, {guard.MAX_WAITING_EVENTS} in all",
    f"goes on for {job_watch.RELOAD_SECONDS // 60:g} minutes",
    f"{job_limits.MAX_WAITING_JOBS} wait, {job_limits.PLACES_OF_AN_ADDRESS} of an address",
    f"{share_store.MAX_OF_ONE} of an owner; {share_store.MAX_OF_ADDRESS} of an address",
    f"{share_store.DEFAULT_MAX_MB // 1000} GB (`PTI_SESSIONS_MB`), {share_store.DEFAULT_DAYS:g} "
    f"days (`PTI_SESSIONS_DAYS`); {free_disk.FLOOR // MB} MB of the disk stay free",
    f"{files.CACHE_SECONDS // 60} to {2 * files.CACHE_SECONDS // 60} minutes",
    f"public servers, {fetch.MAX_BYTES // MB} MB, {fetch.MAX_REDIRECTS} redirects, "
    f"{fetch.SECONDS} s",
    f"| {malloc_tuning.MAX_FREE // 2**30} GB, looked at every "
    f"{malloc_tuning.SECONDS_BETWEEN_LOOKS:g} s",
    f"| {studio.DEFAULT_KEEP_MB // 1024} GB; pictures that can be made again go first; "
    "then an address that holds most of it",
    f"{tasks.MAX_OF_WORKSPACE} at a time of a face, {tasks.MAX_OF_ADDRESS} of an address, "
    f"{tasks.MAX_OF_ALL} in all; one that no page asks for ends after {tasks.UNSEEN_SECONDS:g} s",
    f"of {render_cache._LAYERS_KEPT} people",
]


SHARING = [
    f"| `PTI_SESSIONS_DAYS` | {share_store.DEFAULT_DAYS:g} |",
    f"files go within {_default_seconds(keep_tidy) // 60} minutes of it",
    f"| `PTI_SESSIONS_MB` | {share_store.DEFAULT_MAX_MB} |",
    f"One owner keeps {share_store.MAX_OF_ONE} shares at most",
    f"swept after {['', 'an hour'][share_store._STRAY_SECONDS // 3600]}",
    f"accept uploads of {files.MAX_UPLOAD.removesuffix('mb')} MB",
    f"a network address has {PLACES} places at most",
    f"after {['', 'ten'][int(job_watch.RELOAD_SECONDS) // 600]} minutes for a page",
]


@pytest.mark.parametrize("sentence", SHARING)
def test_the_numbers_of_sharing_are_the_codes(sentence):
    assert sentence in words("docs/sharing.md")


def test_a_program_that_left_is_noticed_within_ten_seconds():
    assert guard.DEAF_SECONDS + guard.SECONDS_BETWEEN_SWEEPS < 10
    assert "within ten seconds for a program" in words("docs/sharing.md")
    told = f"ends after {guard.DEAF_SECONDS:g} to 10 s"
    assert told in words("docs/deployment.md")


def test_a_short_personalisation_goes_first_as_far_as_is_promised():
    assert job_queue._MUCH_LONGER == 2 and job_queue._MAX_PASSED == 4
    told = "goes before one that takes more than twice as long, which is passed four times at most"
    assert told in words("docs/deployment.md")


def test_the_history_is_as_long_as_is_promised():
    longest = re.search(r"const LONGEST_HISTORY = (\d+);", script())
    assert longest is not None and ".slice(-LONGEST_HISTORY)" in script()
    assert f"each of the last {longest[1]} steps as a picture" in words("README.md")


def test_the_numbers_of_edits_in_words_are_the_codes():
    assert f"A sentence beyond {MAX_PROMPT:,} characters is refused" in words("docs/text.md")
    config = OptimisationConfig()
    told = (
        f"plus {config.lambda_l2:g} times the squared step, plus {config.lambda_id:g} times the "
        f"identity loss; Adam, {config.steps} steps and {config.seconds / 60:g} minutes at most"
    )
    assert told in words("docs/text-internals.md")


def test_what_is_temporary_is_swept_as_often_as_is_promised():
    assert _default_seconds(TemporaryFolder.keep_swept) == files.CACHE_SECONDS == 600


@pytest.mark.parametrize("sentence", README)
def test_the_readmes_numbers_are_the_codes(sentence):
    assert sentence in words("README.md")


@pytest.mark.parametrize("sentence", DEPLOYMENT)
def test_the_numbers_of_what_bounds_what_are_the_codes(sentence):
    assert sentence in words("docs/deployment.md")


def test_the_defaults_are_those_numbers(tmp_path):
    assert LIMITS.upload == int(files.MAX_UPLOAD.removesuffix("mb")) * MB + MB  # and its framing
    assert LIMITS.grace == 60
    assert share_store.PART_OF_ADDRESS == 0.25 and job_limits.MAX_SECONDS == 2 * 3600
    assert Store(tmp_path).days == 7
    assert workspaces.FAIR_SHARE == 4 and isinstance(Workspaces(1), Workspaces)


def test_the_pages_promises_are_the_codes():
    assert f"within {2 * files.CACHE_SECONDS // 60} minutes" in page_text.CONSENT
    assert "forgets the rest within an hour after you leave" in page_text.CONSENT
    assert SessionState(gr.Blocks()).STATE_TTL_WHEN_CLOSED == 3600  # since a tab last told of it
    assert workspaces.UNUSED_SECONDS + _default_seconds(keep_tidy) <= 3600  # with no tab at all
    assert "const TELL_EVERY = 10 * 60_000;" in script()
    assert page_text.CONSENT in markup()
    assert f"files that you just made within {2 * files.CACHE_SECONDS // 60} minutes" in script()
    assert f'<span id="link-days">{page_text.days(share_store.DEFAULT_DAYS)}</span>' in markup()
    assert '$("#link-days").textContent = facts.link_days' in script()  # where it is set otherwise


def secrets_named(source: str) -> set[str]:
    """What a program names that may be a secret of the environment: strings like MY_API_KEY."""
    strings = (one.value for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Constant))
    pattern = r"[A-Z0-9_]*(TOKEN|KEY|SECRET|PASSWORD|CREDENTIAL)[A-Z0-9_]*"
    return {text for text in strings if isinstance(text, str) and re.fullmatch(pattern, text)}


def test_no_secret_is_read_but_that_of_the_hub():
    """The Hub's own client reads it."""
    assert "`HF_TOKEN` for gated or private repositories; nothing else is read here" in words(
        "docs/deployment.md"
    )
    assert secrets_named("import os\nos.environ.get('MY_API_KEY')") == {"MY_API_KEY"}
    for path in product_files():
        assert secrets_named((ROOT / path).read_text("utf-8")) <= {"HF_TOKEN"}, path


class _Links(HTMLParser):
    """What a page's markup has a browser load by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            loads = name in ("src", "srcset", "poster", "data") or (
                tag == "link" and name == "href"
            )
            if loads and value:
                self.loaded.append(value)


def test_markup_script_and_style_name_no_other_host():
    links = _Links()
    links.feed(markup())
    assert links.loaded  # the examples' pictures
    assert not [one for one in links.loaded if re.match(r"\s*(?:[a-z]+:)?//", one)]
    loads = r"(?:fetch|import|open|src\s*=|url)\(?\s*['\"`(](?:https?:)?//"
    assert not re.findall(loads, script())
    style = (ROOT / "web" / "static" / "style.css").read_text("utf-8")
    assert not re.findall(r"url\(\s*['\"]?(?:https?:)?//|@import", style)
