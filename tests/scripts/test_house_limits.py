"""The size limits of the source tree: what is measured, what an exception allows, and the tree."""

from __future__ import annotations

from scripts.house_limits import (
    KNOWN,
    Exemption,
    Measurement,
    main,
    measure_source,
    measure_tree,
    print_report,
    violations,
)

LONG_FUNCTION = "def long():\n" + "    pass\n" * 60
LONG_FILE = "def short():\n    pass\n" + "\n" * 399
MANY = "def {name}(a, b, c, d, e, f, g{extra}):\n    pass\n"


def over(source: str) -> list[tuple[str, str, int]]:
    return [(m.kind, m.where, m.size) for m in violations(list(measure_source("m.py", source)), {})]


def test_a_function_and_a_file_over_their_limits_are_found():
    assert over(LONG_FUNCTION) == [("function lines", "m.py:long", 61)]
    assert over(LONG_FILE) == [("file lines", "m.py", 401)]
    assert over("def short():\n    pass\n") == []


def test_a_long_table_is_data():
    assert over("import math\nTABLE = [\n" + "    1,\n" * 500 + "]\n") == []


def test_many_parameters_need_a_config_or_state_object():
    assert over(MANY.format(name="f", extra="")) == [("parameters", "m.py:f", 7)]
    assert over(MANY.format(name="f", extra=", config: RunConfig | None")) == []
    assert over(MANY.format(name="_private", extra="")) == []
    indented = MANY.format(name="__init__", extra="").replace("(a", "(self").replace("\n ", "\n  ")
    assert over(f"class A:\n    {indented}") == []  # self is not counted
    assert over(f"class A:\n    {indented.replace('self', 'self, a')}") == [
        ("parameters", "m.py:A.__init__", 7)
    ]


def test_class_studio_is_measured():
    source = "class Studio:\n" + "    a = 1\n" * 249
    assert over(source) == [("class lines", "m.py:Studio", 250)]


def test_an_exception_allows_its_size_and_no_more(capsys):
    known = {("file lines", "a.py"): Exemption(450, "2026-11-28", "is being split")}
    assert not violations([Measurement("file lines", "a.py", 450, 400)], known)
    assert violations([Measurement("file lines", "a.py", 451, 400)], known)
    assert violations([Measurement("file lines", "b.py", 450, 400)], known)
    print_report([Measurement("file lines", "a.py", 300, 400)], known)
    assert "no longer needed" in capsys.readouterr().out


def test_this_tree_is_within_its_limits(capsys):
    assert main() == 0
    printed = capsys.readouterr().out
    assert "VIOLATION" not in printed and "files beside folders: at most 10" in printed
    measured = {one.where for one in measure_tree()}
    assert "app.py" in measured and not any(name.startswith("tests") for name in measured)
    assert all(exemption.reason and exemption.date for exemption in KNOWN.values())
