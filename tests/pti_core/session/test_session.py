"""Sessions: the same picture after saving and opening, and nothing hostile gets through."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pti_core.editing.edit_state import EditState
from pti_core.editing.hair_color import HairColor
from pti_core.editing.text_edit import StackEntry
from pti_core.errors import EditError, SessionError
from pti_core.faces.align import Alignment
from pti_core.faces.images import to_tensor
from pti_core.inversion.losses import View
from pti_core.inversion.paper_tuning import TunedDelta, TuningConfig, pivotal_tune
from pti_core.models import EditModels
from pti_core.rendering import paste_back, picture, render
from pti_core.session import file_format
from pti_core.session.atomic_write import OutputError, check_writable, write_atomically
from pti_core.session.person import (
    CROP_BYTES,
    WEIGHTS_BYTES,
    PersonState,
    encode_crop,
    encode_photograph,
)
from pti_core.session.session import Session
from tests.conftest import SIDE, make_generator

PHOTO = (150, 120)
QUAD = ((30.0, 20.0), (30.0, 100.0), (110.0, 100.0), (110.0, 20.0))
Json = dict[str, Any]


def make_session(generator, make_picture, space: str = "w", people: int = 1) -> Session:
    random = torch.Generator().manual_seed(7)
    pivots = generator.sample_w(people, seed=3)
    if space == "w+":
        pivots = generator.broadcast(pivots) + 0.1 * torch.randn(1, generator.num_ws, 512)
    delta = {
        name: 0.01 * torch.randn(value.shape, generator=random)
        for name, value in generator.synthesis.named_parameters()
    }
    first = generator.noise_names()[1]
    own = dict(generator.synthesis.named_buffers())[first]
    return Session(
        generator_name=generator.name,
        fingerprint=generator.fingerprint,
        people=[
            PersonState(
                encode_photograph(make_picture(*PHOTO)),
                encode_crop(make_picture(SIDE, SIDE)),
                Alignment(QUAD, PHOTO),
                pivot,
                {first: torch.randn(own.shape, generator=random)},
            )
            for pivot in pivots
        ],
        delta=TunedDelta(delta),
        edits={"age": 5.0},
        made={"preset": "fast", "seed": 3, "report": {"mse": 0.1, "ms_ssim": None}},
    )


@pytest.fixture(scope="module")
def session(generator, make_picture):
    return make_session(generator, make_picture)


@pytest.fixture(scope="module")
def saved(session) -> bytes:
    return session.to_bytes()


@pytest.fixture(scope="module")
def models(generator, directions):
    return EditModels(generator=generator, directions=directions)


# ------------------------------------------------------------------------------------ round trip


def with_stack(session: Session, generator) -> Session:
    """The session with one text edit in W+ and one in StyleSpace."""
    bias = "layers.2.conv2.modulation.bias"
    width = len(dict(generator.synthesis.named_parameters())[bias])
    entries = [
        StackEntry("bowl cut", "mapper", 0.5, 0.2 * torch.ones(generator.num_ws, 512)),
        StackEntry("red lips", "global", 2.0, None, {bias: torch.linspace(-1, 1, width)}),
    ]
    return replace(session, stack=entries)


def test_text_edits_survive_the_file_bit_for_bit(session, generator, models):
    edited = with_stack(session, generator)
    opened = Session.open(edited.to_bytes(), generator)
    assert [(e.label, e.way, e.amount) for e in opened.stack] == [
        ("bowl cut", "mapper", 0.5),
        ("red lips", "global", 2.0),
    ]
    plain = picture(session, models, {})
    assert torch.equal(picture(opened, models), picture(edited, models))
    assert opened.to_bytes() == edited.to_bytes()
    # {} takes the text edits away too; each of them changes the picture; zero is none.
    assert torch.equal(picture(opened, models, {}), plain)
    for entry in edited.stack:
        assert not torch.equal(picture(session, models, EditState(stack=(entry,))), plain)
        none = picture(session, models, EditState(stack=(entry.with_amount(0),)))
        assert torch.equal(none, plain)


def test_text_edits_that_do_not_fit_are_refused(session, generator):
    edited = with_stack(session, generator)
    wide = replace(edited.stack[0], ws=torch.zeros(3, 512))
    other = replace(edited.stack[1], styles={"layers.0.conv1.bias": torch.zeros(32)})
    for entry in (wide, other):
        data = replace(edited, stack=[entry]).to_bytes()
        with pytest.raises(SessionError, match="text edits do not fit"):
            Session.open(data, generator)


@pytest.mark.parametrize(
    "stack",
    [
        [["bowl cut", "shell", 1.0]],
        [["bowl cut", "mapper", 1e9]],
        [["", "mapper", 1.0]],
        [["x" * 501, "mapper", 1.0]],
        [["bowl cut", "mapper"]],
        [{}],
        "mapper",
        [["bowl cut", "mapper", 1.0]] * 13,
        [["bowl cut", "mapper", 1.0]] * 2,  # an edit without its step
        [],  # a step without its edit
    ],
)
def test_hostile_text_edits_are_refused(session, generator, stack):
    edited = with_stack(session, generator)
    data = replace(edited, stack=edited.stack[:1]).to_bytes()
    header, ours, body = taken_apart(data)
    sentence(put_together(header, {**ours, "stack": stack}, body))


def test_a_hair_colour_survives_the_file_and_others_have_none(session, saved):
    assert Session.open(saved).hair_color is None and b"hair_color" not in saved
    color = HairColor("#ff69b4", 0.5, brows=True)
    assert Session.open(replace(session, hair_color=color).to_bytes()).hair_color == color


@pytest.mark.parametrize(
    "value", ["#ff69b4", {"color": "pink"}, {"color": "#ff69b4", "strength": 7}, {"hue": 1}, [], 3]
)
def test_what_is_no_hair_colour_is_refused(saved, value):
    header, ours, body = taken_apart(saved)
    sentence(put_together(header, {**ours, "hair_color": value}, body))


def _of(session: Session, edits: dict[str, float] | None, person: int) -> EditState:
    """Amounts for a person; None: those that the session holds."""
    return replace(
        session.edit_state, amounts=session.edits if edits is None else edits, person=person
    )


@pytest.mark.parametrize(("space", "people"), [("w", 1), ("w+", 1), ("w", 3)])
def test_an_opened_session_gives_the_same_picture_bit_for_bit(
    generator, models, make_picture, tmp_path, space, people
):
    session = make_session(generator, make_picture, space, people)
    session.save(tmp_path / "s.safetensors")
    opened = Session.open(tmp_path / "s.safetensors", generator)
    for person in range(people):
        for edits in (None, {}, {"age": -3.0, "smile": 1.5}):
            before, after = (picture(s, models, _of(s, edits, person)) for s in (session, opened))
            assert torch.equal(before, after)
            assert before.isfinite().all()
        pasted = [paste_back(s, models, _of(s, None, person)).tobytes() for s in (session, opened)]
        assert pasted[0] == pasted[1]
        assert opened.crop(person).tobytes() == make_picture(SIDE, SIDE).tobytes()
    assert opened.edits == {"age": 5.0}
    assert opened.made == session.made
    assert opened.alignments == session.alignments
    assert opened.to_bytes() == session.to_bytes()


@pytest.mark.slow
def test_a_tuned_generator_survives_the_file_and_leaves_its_base_alone(
    generator, lpips, models, make_picture
):
    before = {name: value.clone() for name, value in generator.synthesis.state_dict().items()}
    pivots = generator.sample_w(1, seed=5)
    target = to_tensor(make_picture(SIDE, SIDE))
    config = TuningConfig(steps=3, lpips_views=(View(SIDE),), locality_size=SIDE)
    tuned = pivotal_tune(generator, target, pivots, lpips, config)
    session = make_session(generator, make_picture)
    session.delta, session.people[0].pivot = tuned.delta, pivots[0]
    shown = picture(session, models, {})
    assert torch.equal(picture(Session.open(session.to_bytes()), models, {}), shown)
    assert not torch.equal(generator.render(pivots), shown)
    after = generator.synthesis.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_edits_change_the_picture_and_unknown_ones_are_refused(session, models):
    assert render(session, models, {}).tobytes() != render(session, models, {"age": 10}).tobytes()
    assert render(session, models).tobytes() == render(session, models, {"age": 5}).tobytes()
    with pytest.raises(EditError, match="smile"):
        render(session, models, {"smlie": 1})


def test_pasting_keeps_the_photograph_around_the_face(session, models):
    photo, pasted = session.photograph(), paste_back(session, models)
    assert pasted.size == PHOTO
    outside, inside = (0, 0, 29, 120), (50, 40, 90, 80)
    assert pasted.crop(outside).tobytes() == photo.crop(outside).tobytes()
    assert pasted.crop(inside).tobytes() != photo.crop(inside).tobytes()


def test_pictures_in_a_session_carry_no_metadata(saved, make_picture):
    session = Session.open(saved)
    for data in (session.photographs[0], session.crops[0]):
        with Image.open(io.BytesIO(data)) as image:
            assert not image.getexif()
            assert not {"exif", "icc_profile", "comment", "xmp"} & image.info.keys()


# -------------------------------------------------------------------------------- atomic writing


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "s.safetensors"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OutputError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_writing_replaces_and_keeps_the_rights(tmp_path):
    path = tmp_path / "s"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["missing/s.safetensors", ".", "file/s.safetensors"])
def test_unwritable_places_are_found_beforehand(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        check_writable(tmp_path / name)


# ---------------------------------------------------------------------------------- another base


@pytest.mark.slow
def test_another_generator_is_refused_naming_the_one_that_is_needed(saved, directions):
    other = make_generator(seed=1, name="other")
    with pytest.raises(SessionError, match=r"'small' \(000000000000\)"):
        Session.open(saved, other)
    with pytest.raises(SessionError, match="'small'"):
        render(Session.open(saved), EditModels(generator=other, directions=directions))


def test_tensors_that_do_not_fit_the_generator_are_refused(generator, make_picture):
    def refused(change: Callable[[Session], None]) -> None:
        session = make_session(generator, make_picture)
        change(session)
        with pytest.raises(SessionError, match="do not fit"):
            Session.open(session.to_bytes(), generator)

    refused(lambda s: s.delta.tensors.update({"head.bias": torch.zeros(13).half()}))
    refused(lambda s: s.delta.tensors.update({"no.such": torch.zeros(3).half()}))
    refused(lambda s: s.delta.tensors.update({"input.noise": torch.zeros(1, 1, 4, 4).half()}))
    refused(lambda s: s.noise[0].update({"input.noise": torch.zeros(1, 1, 4, 5)}))
    refused(lambda s: s.noise[0].update({"head.bias": torch.zeros(1, 1, 4, 4)}))
    refused(lambda s: setattr(s.people[0], "pivot", torch.zeros(256)))
    strange = torch.zeros(generator.num_ws + 1, 512)
    refused(lambda s: setattr(s.people[0], "pivot", strange))


# --------------------------------------------------------------------------------- hostile files


def taken_apart(data: bytes) -> tuple[Json, Json, bytes]:
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    ours = json.loads(header["__metadata__"]["pti_session"])
    return header, ours, data[8 + length :]


def put_together(header: Json, ours: Any, body: bytes) -> bytes:
    header["__metadata__"]["pti_session"] = ours if isinstance(ours, str) else json.dumps(ours)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def sentence(data: bytes | Path) -> str:
    """The refusal of a file: one sentence, and no other exception."""
    with pytest.raises(SessionError) as caught:
        Session.open(data)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 250
    return text


def test_files_that_are_no_sessions(tmp_path, make_picture):
    from safetensors.torch import save

    assert "not a session file" in sentence(b"")
    assert "not a session file" in sentence(b"PK\3\4" + bytes(100))
    assert "not a session file" in sentence(encode_crop(make_picture(SIDE, SIDE)))
    assert "not a session file" in sentence(save({"pivots": torch.zeros(1, 512)}))
    assert "not a session file" in sentence(save({}, {"pti_session": "{}"}))
    assert "There is no session file" in sentence(tmp_path / "absent")
    assert "There is no session file" in sentence(tmp_path)
    assert "There is no session file" in sentence(Path("/dev/zero"))


def test_an_oversized_file_is_refused_without_reading_it(tmp_path):
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.truncate(300 * 2**20)
    assert "larger than" in sentence(path)


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**20 + 1, 10**6])
def test_an_oversized_header_is_refused(saved, length):
    sentence(struct.pack("<Q", length) + saved[8:1000])


def test_a_deeply_nested_header_is_refused(saved):
    header, _, body = taken_apart(saved)
    sentence(put_together(header, "[" * 100_000, body))
    text = b'{"a":' * 100_000
    sentence(struct.pack("<Q", len(text)) + text)


def test_every_truncation_is_refused(saved):
    for length in [*range(64), *range(64, len(saved), len(saved) // 97), len(saved) - 1]:
        sentence(saved[:length])
    sentence(saved + b"\0")


@pytest.mark.slow
def test_flipped_bytes_never_do_worse_than_a_refusal(saved):
    random = torch.Generator().manual_seed(0)
    for _ in range(300):
        data = bytearray(saved)
        # Mostly in the header, where the harm would be.
        bound = 8000 if int(torch.randint(4, (), generator=random)) else len(data)
        place = int(torch.randint(bound, (), generator=random))
        data[place] ^= 1 << int(torch.randint(8, (), generator=random))
        try:
            Session.open(bytes(data))
        except SessionError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "name",
    [
        "delta.../../etc/passwd",
        "delta./etc/passwd",
        "delta.a/b",
        "delta.a b",
        "delta.",
        "delta.a..b",
        "delta.__class__.x\n",
        "weights",
        "noise.99.input.noise",
        "noise.١.input.noise",
        "photograph.1",
        "crop.007",
        "delta." + "a" * 300,
        "",
    ],
)
def test_names_outside_of_the_pattern_are_refused(saved, name):
    header, ours, body = taken_apart(saved)
    header[name] = header.pop("delta.head.bias")
    sentence(put_together(header, ours, body))


def test_wrong_kinds_and_shapes_are_refused(saved):
    changes: list[tuple[str, Json]] = [
        ("pivots", {"shape": [512]}),
        ("pivots", {"shape": [1, 1, 1, 512]}),
        ("pivots", {"shape": [2, 256]}),
        ("pivots", {"shape": [-1, -512]}),
        ("pivots", {"shape": [2**40, 2**40]}),
        ("pivots", {"shape": [1.0, 512.0]}),
        ("pivots", {"shape": "512"}),
        ("pivots", {"shape": [0, 512], "data_offsets": [0, 0]}),
        ("pivots", {"dtype": "I32"}),
        ("pivots", {"dtype": "F64"}),
        ("delta.head.bias", {"dtype": "BF16"}),
        ("delta.head.bias", {"dtype": ["F16"]}),
        ("delta.head.bias", {"data_offsets": [0, 2**62]}),
        ("delta.head.bias", {"data_offsets": [10, 0]}),
        ("delta.head.bias", {"data_offsets": None}),
        ("crop.0", {"dtype": "I8"}),
        ("crop.0", {"shape": [1, 10]}),
    ]
    for name, change in changes:
        header, ours, body = taken_apart(saved)
        header[name] = {**header[name], **change}
        sentence(put_together(header, ours, body))
    for name in ("pivots", "crop.0", "photograph.0"):
        header, ours, body = taken_apart(saved)
        del header[name]
        sentence(put_together(header, ours, body))
    header, ours, body = taken_apart(saved)
    sentence(put_together({**header, "pivots": None}, ours, body))


def test_many_tensors_are_refused(saved):
    header, ours, body = taken_apart(saved)
    entry = header["delta.head.bias"]
    header |= {f"delta.x{i}": entry for i in range(2000)}
    sentence(put_together(header, ours, body))


def test_a_name_given_twice_is_refused(saved):
    (length,) = struct.unpack("<Q", saved[:8])
    text = saved[8 : 8 + length].rstrip()
    entry = b',"pivots":{"dtype":"F32","shape":[1,512],"data_offsets":[0,2048]}}'
    text = text[:-1] + entry
    sentence(struct.pack("<Q", len(text)) + text + saved[8 + length :])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", ["pivots", "noise", "delta"])
def test_numbers_that_are_not_finite_are_refused(generator, make_picture, kind, value):
    session = make_session(generator, make_picture)
    tensors = {
        "pivots": session.people[0].pivot,
        "noise": next(iter(session.noise[0].values())),
        "delta": session.delta.tensors["head.weight"],
    }
    tensors[kind].view(-1)[-1] = value
    assert kind in sentence(session.to_bytes())


def test_absurd_latents_are_refused(generator, make_picture):
    session = make_session(generator, make_picture)
    session.people[0].pivot[0] = 1e30
    assert "out of range" in sentence(session.to_bytes())


HOSTILE_TEXT: list[Callable[[Json], Any]] = [
    lambda ours: [],
    lambda ours: "no json",
    lambda ours: None,
    lambda ours: {**ours, "format": 2},
    lambda ours: {**ours, "format": "1"},
    lambda ours: {**ours, "format": -1},
    lambda ours: {**ours, "generator": None},
    lambda ours: {**ours, "generator": {"name": "../mobile", "fingerprint": "0" * 64}},
    lambda ours: {**ours, "generator": {"name": "small", "fingerprint": "0" * 63}},
    lambda ours: {**ours, "generator": {"name": "small\n", "fingerprint": "0" * 64}},
    lambda ours: {**ours, "alignments": []},
    lambda ours: {**ours, "alignments": [None]},
    lambda ours: {**ours, "alignments": ours["alignments"] * 2},
    lambda ours: {**ours, "alignments": ours["alignments"] * 1000},
    lambda ours: {**ours, "alignments": [{"quad": [[0, 0]] * 4, "photo_size": list(PHOTO)}]},
    lambda ours: {**ours, "alignments": [{"quad": "nan", "photo_size": list(PHOTO)}]},
    lambda ours: {**ours, "alignments": [{"quad": list(QUAD), "photo_size": [10**9, 10**9]}]},
    lambda ours: {**ours, "alignments": [{"quad": list(QUAD), "photo_size": [151, 120]}]},
    lambda ours: {**ours, "alignments": [{"quad": list(QUAD), "photo_size": [1e400, 1]}]},
    lambda ours: {**ours, "edits": {"age": "10"}},
    lambda ours: {**ours, "edits": {"age": True}},
    lambda ours: {**ours, "edits": {"age": float("nan")}},
    lambda ours: {**ours, "edits": {"age": float("inf")}},
    lambda ours: {**ours, "edits": {"age": 10**400}},
    lambda ours: {**ours, "edits": {"<script>": 1}},
    lambda ours: {**ours, "edits": [["age", 1]]},
    lambda ours: {**ours, "edits": {f"e{i}": 1 for i in range(1000)}},
    lambda ours: {**ours, "made": []},
    lambda ours: {**ours, "made": {"a": "x" * 10_000}},
    lambda ours: {**ours, "made": {"x" * 10_000: 1}},
    lambda ours: {**ours, "made": {"a": list(range(10_000))}},
    lambda ours: {**ours, "made": {"a": float("nan")}},
    lambda ours: {**ours, "made": {"a": [[[[[[[[[[[[]]]]]]]]]]]]}},
]


@pytest.mark.parametrize("change", HOSTILE_TEXT)
def test_hostile_text_is_refused(saved, change):
    header, ours, body = taken_apart(saved)
    sentence(put_together(header, change(ours), body))


def test_numbers_too_long_to_parse_are_refused(saved):
    header, ours, body = taken_apart(saved)
    text = json.dumps(ours).replace('"age": 5.0', '"age": ' + "9" * 10_000)
    assert "9999" in text
    sentence(put_together(header, text, body))


def test_keys_of_a_later_version_are_ignored(saved):
    header, ours, body = taken_apart(saved)
    later = put_together(header, {**ours, "later": {"a": 1}}, body)
    assert Session.open(later).edits == {"age": 5.0}


# ------------------------------------------------------------------------------ hostile pictures


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header says that size; its black pixels fold to next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        tail = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + tail

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    black = bytes((min(width, 20_000) // 8 + 1) * min(height, 20_000))
    body = zlib.compress(black, 9)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def jpeg_of(image: Image.Image, **settings: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", **settings)
    return stream.getvalue()


@pytest.mark.parametrize("side", [3000, 20_000, 2**31 - 1])
def test_pictures_that_unfold_to_gigabytes_are_refused(generator, make_picture, side):
    session = make_session(generator, make_picture)
    session.people[0].crop = png_of(side, side)
    sentence(session.to_bytes())


def test_a_huge_photograph_is_refused(generator, make_picture):
    session = make_session(generator, make_picture)
    session.people[0].photograph = jpeg_of(Image.new("L", (60_000, 64)))
    assert "larger than" in sentence(session.to_bytes())


@pytest.mark.parametrize("which", ["photograph", "crop"])
def test_nothing_is_kept_behind_a_picture(generator, make_picture, which):
    session = make_session(generator, make_picture)
    whole = getattr(session.people[0], which)
    setattr(session.people[0], which, whole + bytes(20_000_000))
    assert "tail" in sentence(session.to_bytes())


def test_pictures_that_are_broken_or_of_another_kind_are_refused(generator, make_picture):
    good = make_session(generator, make_picture)
    photo, crop = good.photographs[0], good.crops[0]
    turned = Image.Exif()
    turned[0x0112] = 6
    for photograph_file, crop_file in (
        (b"no picture", crop),
        (photo[: len(photo) // 2], crop),
        (photo, crop[: len(crop) // 2]),
        (crop, crop),  # a PNG where a JPEG belongs
        (photo, photo),
        (photo, encode_crop(make_picture(SIDE, SIDE + 1))),
        (encode_photograph(make_picture(151, 120)), crop),
        (jpeg_of(make_picture(*PHOTO), exif=turned), crop),  # turned, it is of another size
    ):
        session = make_session(generator, make_picture)
        session.people[0].photograph, session.people[0].crop = photograph_file, crop_file
        sentence(session.to_bytes())


def test_saving_what_could_not_be_opened_is_refused(generator, make_picture):
    session = make_session(generator, make_picture)
    session.edits = {"age": float("nan")}
    with pytest.raises(SessionError):
        session.to_bytes()


def test_what_is_personalised_can_be_saved_and_opened():
    """Photographs of noise, the largest that JPEG makes, have their share of the file each."""
    noise = Image.effect_noise((1500, 1000), 90).convert("RGB")
    whole = encode_photograph(noise)
    assert len(encode_photograph(noise, 10)) == len(whole)  # small: nothing is lost
    share = (file_format.MAX_FILE - WEIGHTS_BYTES) // 16 - CROP_BYTES
    large = Image.effect_noise((3000, 2400), 90).convert("RGB")
    assert len(encode_photograph(large)) > share >= len(encode_photograph(large, 16))
    assert WEIGHTS_BYTES + 16 * (share + CROP_BYTES) <= file_format.MAX_FILE
    assert share < file_format.MAX_PICTURE_BYTES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "count"),
    [((6000, 6000), 1), ((6000, 4000), 10)],
    ids=["one of noise", "ten of 24 MP"],
)
def test_the_largest_sessions_that_are_saved_can_be_opened(sizes, count, generator, make_picture):
    """Noise is the worst that JPEG meets; ten camera's photographs share a file."""
    noise = Image.effect_noise(sizes, 90).convert("RGB")
    if count > 1:  # as busy as a photograph of grass, at full size
        noise = noise.resize((sizes[0] // 2, sizes[1] // 2)).resize(sizes)
    session = make_session(generator, make_picture)
    person = session.people[0]
    person.photograph = encode_photograph(noise, count)
    person.alignment = Alignment(person.alignment.quad, sizes)
    session.people = [
        dataclasses.replace(person, pivot=person.pivot.clone(), noise={}) for _ in range(count)
    ]
    data = session.to_bytes()
    assert len(data) <= file_format.MAX_FILE
    again = Session.open(data)
    assert again.photographs == [person.photograph] * count
    again.check_generator(generator)


def test_photographs_that_no_file_holds_are_refused_before_the_work(monkeypatch):
    monkeypatch.setattr(file_format, "MAX_PICTURE_BYTES", 10_000)
    noise = Image.effect_noise((600, 500), 90).convert("RGB")
    with pytest.raises(SessionError, match="use fewer of them"):
        encode_photograph(noise)
