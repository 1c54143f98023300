"""Former names are found and rewritten; the tree has none."""

from __future__ import annotations

import pytest

from scripts.former_names import GONE, KEPT, RENAMED, former, main, rewritten


def test_names_are_rewritten_and_strings_stay():
    source = 'def f(kit):\n    """`models` and a kit."""\n    return kit["kit"], f"{kit.w_mean}"\n'
    fixed = rewritten(source, "service/a.py")
    assert fixed == (
        'def f(models):\n    """`models` and a kit."""\n'
        '    return models["kit"], f"{models.w_avg}"\n'
    )
    assert not list(former(fixed, "service/a.py"))
    assert rewritten(fixed, "service/a.py") == fixed


def test_names_that_contain_a_former_word_are_found():
    assert list(former("x = 1\n\n\ndef edit_kits(): ...\n", "a.py")) == [(4, "edit_kits")]
    assert list(former("", "service/warming.py")) == [(0, "warming")]
    assert not list(former("kitchen = 'kit'  # kit\n", "a.py"))


def test_a_published_parameter_stays_in_its_folder():
    source = "def edit(desk): ...\n"
    assert rewritten(source, "web/api/endpoints.py") == source
    assert rewritten(source, "service/studio.py") == "def edit(workspace): ...\n"
    with_kept = [name for name in KEPT if name not in RENAMED]
    assert not with_kept


def test_no_present_name_is_a_former_one():
    for name in RENAMED.values():
        assert name not in RENAMED
        assert not list(former(f"{name} = 1\n", "a.py")), name
    assert GONE


@pytest.mark.slow
def test_the_tree_has_no_former_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.argv", ["former_names"])
    assert main() == 0
