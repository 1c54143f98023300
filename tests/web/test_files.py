"""Files between browser and server."""

from pathlib import Path

from web.files import cached


def test_a_file_on_its_way_stays_whole_while_the_same_is_written_again(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    data = b"picture" * 100_000
    path = cached(data, "before.jpg")
    with Path(path).open("rb") as being_sent:
        begun = being_sent.read(1000)
        node = Path(path).stat().st_ino
        assert cached(data, "before.jpg") == path
        assert begun + being_sent.read() == data
    # Written in place, it would be empty for a moment: another reader's bad luck, not this one's.
    assert Path(path).stat().st_ino != node
    assert [file.name for file in Path(path).parent.iterdir()] == ["before.jpg"]


def test_other_bytes_or_another_name_are_another_file(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    paths = {cached(b"one", "a.jpg"), cached(b"two", "a.jpg"), cached(b"one", "b.jpg")}
    assert len(paths) == 3
    assert sorted(Path(path).read_bytes() for path in paths) == [b"one", b"one", b"two"]
