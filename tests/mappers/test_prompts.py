"""Prompts: a list of what people type, and what each should do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mappers.prompts import Known, understand
from mappers.styleclip.published import PublishedMapper
from mappers.vocabulary import POSITIVE
from pti_core.editing.controls import Control

#: Every direction that the vocabulary speaks of, as if all were installed.
ALL = {name: Control(name, name, "face", "", -30.0, 30.0) for name in POSITIVE}
#: What the lists speak of: the directions without the finer ones, which are named here.
FINER = (
    *("cheeks", "chin", "nose_width", "nose_length", "lips", "skin_red", "brow_raise", "frown"),
    *("hair_blond", "eye_makeup", "background_warm", "exposure", "warmth", "colourful"),
)
CONTROLS = {name: control for name, control in ALL.items() if name not in FINER}
CONTROLS["age"] = Control("age", "Age", "face", "years", -15.0, 18.0)
KNOWN = Known(CONTROLS)
LISTS = ("prompts.txt", "prompts_strangers.txt")


def rows_of(name: str) -> list[tuple[str, ...]]:
    lines = (Path(__file__).parent / name).read_text().splitlines()
    return [
        tuple(part.strip() for part in line.split("=>"))
        for line in lines
        if "=>" in line and not line.startswith("#")
    ]


def as_expected(prompt: str, expected: str, known: Known = KNOWN) -> bool:
    found = understand(prompt, known)
    wanted, rest = expected.rstrip("?").split(), expected.endswith("?")
    if wanted == ["nothing"]:
        return not found.parts
    got = {
        f"mapper:{part.name}" if part.way == "mapper" else part.name: part for part in found.parts
    }
    names = {edit.rstrip("+-").split("=")[0]: edit for edit in wanted}
    if got.keys() != names.keys() or bool(found.rest) != rest:
        return False
    return all(
        edit.startswith("mapper:")
        or (
            abs(got[name].amount - float(edit.split("=")[1])) < 1e-6
            if "=" in edit
            else (got[name].amount > 0) == edit.endswith("+")
        )
        for name, edit in names.items()
    )


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("half", [0, 1], ids=["seen", "unseen"])
def test_most_prompts_are_understood_as_listed(name, half):
    assert len(rows_of(name)) >= 150
    rows = rows_of(name)[half::2]
    wrong = [row for row in rows if not as_expected(*row)]
    assert len(wrong) <= 0.1 * len(rows), wrong


def test_most_prompts_written_before_the_vocabulary_was_read_are_understood():
    rows = rows_of("prompts_people.txt")
    wrong = [row for row in rows if not as_expected(*row, Known(ALL))]
    assert len(rows) == 80 and len(wrong) <= 8, wrong


def test_a_pictograph_that_says_nothing_here_is_named_and_one_that_decorates_is_passed_over():
    hat, thanks = understand("older 🎩", KNOWN), understand("older please 🙏🏽✨", KNOWN)
    assert list(hat.edits) == list(thanks.edits) == ["age"]
    assert [one.said for one in hat.rest] == ["🎩"] and not thanks.rest


def test_an_amount_without_a_number_is_reckoned_from_the_usual_range_within_the_persons():
    usual = {"age": Control("age", "Age", "face", "years", -11, 20)}
    for high, amount, limited in ((20, 18, False), (40, 18, False), (6.6, 6.6, True)):
        own = {"age": usual["age"].within((-5, high))}
        part = understand("older", Known(own, usual=usual)).parts[0]
        assert part.amount == pytest.approx(amount, abs=0.3) and part.limited is limited


def impossible() -> list[str]:
    rows = [row for name in (*LISTS, "prompts_people.txt") for row in rows_of(name)]
    return [prompt for prompt, expected in rows if expected.startswith("nothing")]


def test_nothing_impossible_is_applied():
    applied = [prompt for prompt in impossible() if understand(prompt, KNOWN).parts]
    assert not applied


@pytest.fixture(scope="module")
def with_sentences() -> Known:
    """The same with near matches, where the embeddings' files are on this machine."""
    from mappers.sentences import find_sentences

    found = find_sentences()
    if found is None:
        pytest.skip("the sentence embeddings are not here: checkpoints fetch minilm.safetensors")
    return replace(KNOWN, sentences=found)


def test_near_matches_apply_nothing_impossible(with_sentences):
    applied = [prompt for prompt in impossible() if understand(prompt, with_sentences).parts]
    assert not applied


def test_near_matches_find_what_the_vocabulary_lacks(with_sentences):
    for prompt, name, side in (
        ("freshly shaven", "beard", -1),
        ("baby-faced", "age", -1),
        ("crow's feet around the eyes", "age", 1),
        ("hairless scalp", "bald", 1),
    ):
        assert not understand(prompt, KNOWN).parts
        part = understand(prompt, with_sentences).parts[0]
        assert part.name == name and part.amount * side > 0
        assert 0.8 <= part.confidence < 1


def test_what_is_not_installed_is_named_as_not_available():
    found = understand("older with glasses", Known({"age": CONTROLS["age"]}))
    assert [part.name for part in found.parts] == ["age"]
    assert [(one.said, one.why) for one in found.rest] == [("glasses", "is not available here")]


def test_the_nearest_known_things_are_named():
    found = understand("a beardy weirdy hat", KNOWN)
    assert not found.parts and found.rest[0].nearest
    assert found.rest[0].nearest[0] in found.sentence()


def test_what_is_offered_is_understood():
    from mappers.vocabulary import NEGATIVE, OFFERED

    for sense, words in ((1, POSITIVE), (-1, NEGATIVE)):
        for name, label in words.items():
            offered = OFFERED.get((name, sense), label)
            edits = understand(offered, Known(ALL)).edits
            assert list(edits) == [name] and edits[name] * sense > 0, offered


def test_a_mapper_that_was_trained_here_is_asked_for_by_its_prompt():
    own = {"a_wizard": PublishedMapper("a_wizard", ("a wizard",), 1.4)}
    found = understand("a wizard", replace(KNOWN, trained=own))
    assert [(part.way, part.name) for part in found.parts] == [("mapper", "a_wizard")]
    assert not understand("a wizard", KNOWN).parts


def test_a_mapper_comes_before_attributes_where_it_is_here():
    for here, way in ((frozenset(), "attributes"), (frozenset(["bowlcut"]), "mapper")):
        found = understand("bowl cut", replace(KNOWN, here=here))
        assert {part.way for part in found.parts} == {way}


@pytest.mark.parametrize(
    ("prompt", "name", "side"),
    [
        ("blond hair", "hair_blond", 1),
        ("a smaller nose", "nose_width", -1),
        ("longer nose", "nose_length", 1),
        ("fuller lips", "lips", 1),
        ("red lips", "lipstick", 1),
        ("chubby cheeks", "cheeks", 1),
        ("stop frowning", "frown", -1),
        ("raise your eyebrows", "brow_raise", 1),
        ("rosy cheeks", "skin_red", 1),
        ("make the photo brighter", "exposure", 1),
    ],
)
def test_finer_directions_are_used_where_they_are_installed(prompt, name, side):
    edits = understand(prompt, Known(ALL)).edits
    assert list(edits) == [name] and edits[name] * side > 0


def test_a_phrase_of_which_a_part_is_lacking_is_done_as_far_as_it_goes_and_says_so():
    controls = {name: control for name, control in CONTROLS.items() if name != "gender"}
    found = understand("an old man", Known(controls))
    assert list(found.edits) == ["age"] and "more masculine" in found.rest[0].why
    assert not understand("as a woman", Known(controls)).parts
