"""The doctor on files made in the published layouts: what passes, and ten planted faults."""

from __future__ import annotations

import os
import pickle
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from checkpoints.fetch import Store
from checkpoints.identify import identify
from checkpoints.network_loaders import load_encoder, load_identity
from checkpoints.select_generator import choose_generator
from cli.checkpoints import main
from mappers.styleclip.clip import Clip, clip_is_here
from mappers.styleclip.published import PREFIX, installed, load_published
from pti_core.errors import CheckpointError
from pti_core.faces.identity import IdentityModel
from pti_core.networks.arcface import ArcFace
from pti_core.networks.e4e import E4E
from service.doctor.background import Doctor
from service.doctor.examination import examine, forget_verdicts, has_untested
from service.doctor.findings import Examination, Finding, State
from service.doctor.generator_meaning import RETRIEVED, judge_generator
from service.doctor.text_meaning import SENTENCES, clip_features, judge_clip
from service.doctor.witnesses import Witnesses
from service.load_networks import load_editor
from tests.helpers.fill import golden
from tests.helpers.hub_files import (
    arcface_for,
    clip_for,
    constant_mapper,
    e4e_for,
    filled_like,
    link_known_files,
    place,
    place_in_cache,
    store_of,
    write_mapper,
)
from tests.helpers.layouts import rosinality_shapes, rosinality_state, write_rosinality
from tests.helpers.small_clip import make_network

#: Channels of StyleGAN2-FFHQ (config F), coarse to fine.
FULL = (512, 512, 512, 512, 512, 256, 128, 64, 32)


@pytest.fixture(scope="module")
def known() -> Witnesses:
    return Witnesses()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A folder and a cache of the test's own, which the app has, too."""
    found = store_of(tmp_path / "files")
    link_known_files(tmp_path / "files")
    monkeypatch.setenv("PTI_CHECKPOINTS", str(tmp_path / "files"))
    monkeypatch.setenv("PTI_CACHE", str(tmp_path / "cache"))
    return found


def finding(store: Store, known: Witnesses, name: str) -> Finding:
    found = {one.name: one for one in examine(store, known).findings}[name]
    if found.state is State.WRONG:
        is_not_used(store, name)
    assert re.fullmatch(r"[^\n]+\.", found.sentence)
    assert not re.search(r"\.\s+[A-Z]", found.sentence), "one sentence"
    return found


def is_not_used(store: Store, name: str) -> None:
    """What the app does where it would take the file: it refuses, or takes another."""
    assert store.find(name) is None
    with pytest.raises(CheckpointError):
        store.fetch(name)
    role = store.asset(name).role
    if role == "generator":
        choice = choose_generator(name, "cpu")
        assert choice.name == "mobile" and store.asset(name).file_name in choice.why
    elif role == "encoder":
        with pytest.raises(CheckpointError, match=store.asset(name).file_name):
            load_encoder()
    elif role == "identity":
        assert isinstance(load_identity(), IdentityModel)  # dlib's
    elif role == "clip":
        assert not clip_is_here(store)
    else:
        own = name.removeprefix(PREFIX)
        assert own not in installed()
        with pytest.raises(CheckpointError, match=store.asset(name).file_name):
            load_published(own)


def wrong(store: Store, known: Witnesses, name: str) -> str:
    found = finding(store, known, name)
    assert found.state is State.WRONG, found
    return found.sentence


# The ten planted faults.


@pytest.mark.slow
def test_a_wrong_hash(store, known):
    from checkpoints.manifest import MANIFEST

    store = replace(store, manifest=MANIFEST)
    torch.save(filled_like(ArcFace()), place(store, "arcface-irse50"))
    assert "is not the published arcface-irse50" in wrong(store, known, "arcface-irse50")


def test_a_truncated_file(store, known):
    path = write_mapper(place(store, "mapper-afro"), constant_mapper(torch.ones(512), False), False)
    path.write_bytes(path.read_bytes()[:-5000])
    assert "afro.pt is a truncated archive" in wrong(store, known, "mapper-afro")


def test_another_layout(store, known):
    """A bare state dict where e4e's checkpoint has `state_dict` and more."""
    torch.save({"weights": torch.zeros(3)}, place(store, "e4e-ffhq"))
    said = wrong(store, known, "e4e-ffhq")
    assert 'a checkpoint with "weights"' in said and "not e4e's encoder" in said


@pytest.mark.slow
def test_another_domain(store, known):
    """The embedded generator's own W, so FFHQ's, over a synthesis network that draws no faces."""
    state = full_size()
    for i, (_, tensor) in enumerate(known.generator.mapping.state_dict().items()):
        # Both factors of the equalised learning rate are folded into the embedded network's.
        kind, gain = ("weight", 100 * 512**0.5) if tensor.ndim == 2 else ("bias", 100)
        state[f"style.{i // 2 + 1}.{kind}"] = tensor * gain
    average = known.w_statistics[0]
    write_rosinality(place(store, "stylegan2-ffhq"), state, latent_avg=average)
    said = wrong(store, known, "stylegan2-ffhq")
    assert "show no face" in said


@pytest.mark.slow
def test_swapped_names(store, known):
    torch.save(filled_like(ArcFace()), place(store, "mapper-angry"))
    write_mapper(place(store, "arcface-irse50"), constant_mapper(torch.ones(512)))
    found = {one.name: one.sentence for one in examine(store, known).wrong}
    assert "is an ArcFace IR-SE50 network, and not a StyleCLIP mapper" in found["mapper-angry"]
    assert "is a StyleCLIP mapper of coarse, medium and fine levels" in found["arcface-irse50"]


def test_numbers_that_are_none(store, known):
    state = constant_mapper(torch.ones(512))
    state["course_mapping.mapping.1.weight"][0, 0] = torch.nan
    write_mapper(place(store, "mapper-depp"), state)
    assert "values that are no numbers" in wrong(store, known, "mapper-depp")


@pytest.mark.slow
def test_random_weights_under_a_real_name(store, known):
    average = torch.randn(512, generator=torch.Generator().manual_seed(0))
    write_rosinality(place(store, "stylegan2-ffhq"), full_size(), latent_avg=average)
    assert "Its W is not FFHQ's" in wrong(store, known, "stylegan2-ffhq")


@pytest.mark.slow
def test_random_networks_that_look_at_faces(store, known):
    """The reference networks' golden weights, which are random, under the published names."""
    torch.save(filled_like(ArcFace()), place(store, "arcface-irse50"))
    encoder = filled_like(E4E(torch.zeros(512)))
    named = {f"encoder.{k}": v for k, v in encoder.items() if k != "latent_avg"}
    mean = known.w_statistics[0].expand(18, 512).clone()
    content = {"state_dict": named, "latent_avg": mean, "opts": {}}
    torch.save(content, place(store, "e4e-ffhq"))
    found = {one.name: one.sentence for one in examine(store, known).wrong}
    assert "does not tell people apart" in found["arcface-irse50"]
    assert "near their own w: it is not trained" in found["e4e-ffhq"]
    content["latent_avg"] = -mean
    torch.save(content, place(store, "e4e-ffhq"))
    Path(store.cache / "e4e-ffhq" / "recorded.sha256").unlink()
    assert "mean code is not FFHQ's" in wrong(store, known, "e4e-ffhq")


def test_a_mapper_for_other_levels(store, known):
    write_mapper(place(store, "mapper-afro"), constant_mapper(torch.ones(512)), fine=True)
    said = wrong(store, known, "mapper-afro")
    assert "coarse and medium and fine levels" in said
    assert "the published one moves coarse and medium" in said


def test_a_clip_of_another_size(store, known):
    name = "clip-vit-b-32-hub"
    torch.save(dict(make_network().state_dict()), place(store, name))
    said = wrong(store, known, name)
    assert "a CLIP for pictures of 32 pixels" in said and "ViT-B/32 has 224" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["e4e-ffhq", "stylegan2-ffhq-nvidia", "mapper-trump"])
def test_a_pickle_with_a_payload(store, known, name, tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = place(store, name)
    content = {"G_ema": Payload(), "state_dict": Payload()}
    if path.suffix == ".pkl":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    said = wrong(store, known, name)
    assert "a pickle that asks for" in said and "mkdir" in said
    assert not (tmp_path / "ran").exists()


@pytest.mark.slow
def test_the_app_tests_new_files_when_it_starts(store, known):
    """Nobody called the doctor: the app itself finds out, and does without the files."""
    average = torch.randn(512, generator=torch.Generator().manual_seed(0))
    write_rosinality(place(store, "stylegan2-ffhq"), full_size(), latent_avg=average)
    write_mapper(place(store, "mapper-afro"), constant_mapper(torch.ones(512)), fine=True)
    models = load_editor("stylegan2-ffhq", lambda *at: None)
    assert models.generator.name == "mobile"
    assert "is not used (its W is not FFHQ's" in models.about
    assert "afro" not in installed()
    kept = Doctor().latest()
    assert kept is not None and {one.name for one in kept.wrong} == {
        "stylegan2-ffhq",
        "mapper-afro",
    }


# What passes, and what cannot be proved.


@pytest.mark.slow
def test_a_filled_cache_passes(store, known, monkeypatch, capsys):
    """Golden weights whose last layers are solved for what the doctor asks: all found right."""
    torch.save(arcface_for(list(known.examples.values())), place_in_cache(store, "arcface-irse50"))
    w = known.latents(RETRIEVED, seed=2)
    mean = known.w_statistics[0]
    torch.save(e4e_for(known.faces(w), w, mean), place_in_cache(store, "e4e-ffhq"))
    write_mapper(place_in_cache(store, "mapper-surprised"), wide_mouth(known), False)
    found = {one.name: one for one in examine(store, known).findings}
    for name in ("arcface-irse50", "e4e-ffhq", "mapper-surprised"):
        assert found[name].state is State.RIGHT, found[name]
        assert store.fetch(name) == store.find(name)
    assert "6 of 6 generated faces" in found["e4e-ffhq"].sentence
    assert installed() == ["surprised"] and load_published("surprised")
    # From the command line: ArcFace's published hash is asked for there.
    place_in_cache(store, "arcface-irse50").unlink()
    assert main(["doctor", "--again"]) == 0
    said = capsys.readouterr().out
    assert "right     e4e-ffhq: Its mean code is FFHQ's" in said
    assert "right     mapper-surprised: The opening of mouth and eyes" in said


@pytest.mark.slow
def test_a_clip_that_knows_the_astronaut(store, known, monkeypatch):
    state = clip_for(known.examples["astronaut"], SENTENCES)
    name = "clip-vit-b-32-hub"
    torch.save(state, place_in_cache(store, name))
    assert "not OpenAI's: its features of 'a photo of a cat'" in wrong(store, known, name)
    own = clip_features(Clip(state))
    monkeypatch.setattr("service.doctor.text_meaning.GOLDEN", own)
    forget_verdicts(store)
    found = finding(store, known, name)
    assert found.state is State.RIGHT and "among 8 sentences" in found.sentence
    assert clip_is_here(store)


@pytest.mark.slow
def test_the_embedded_generator_passes_as_ffhqs(known):
    """It has FFHQ's W and draws faces; nothing but its architecture is another."""
    state, said = judge_generator(known.generator, known)
    assert state is State.RIGHT and "3 of 3 pictures show a face" in said
    other = Witnesses()
    other.__dict__.update(generator=known.generator, w_statistics=known.w_statistics)
    other.__dict__.update(finder=known.finder, meter=known.meter)
    other.__dict__["directions"] = {
        **known.directions,
        "pose": replace(known.directions["pose"], vector=-known.directions["pose"].vector),
    }
    state, said = judge_generator(known.generator, other)
    assert state is State.WRONG and "do not follow the directions of pose" in said


@pytest.mark.slow
def test_mappers_that_do_what_their_names_say(store, known):
    write_mapper(place(store, "mapper-surprised"), wide_mouth(known), False)
    write_mapper(place(store, "mapper-angry"), constant_mapper(smile(known, 1.0), False), False)
    write_mapper(place(store, "mapper-mohawk"), wide_mouth(known), False)
    found = {one.name: one for one in examine(store, known).findings}
    assert found["mapper-surprised"].state is State.RIGHT, found["mapper-surprised"]
    assert found["mapper-mohawk"].state is State.UNPROVEN  # without CLIP nothing says
    assert found["mapper-angry"].state is State.WRONG  # it smiles
    assert store.find("mapper-surprised") is not None and store.find("mapper-angry") is None
    angry = constant_mapper(smile(known, -1.0), False)
    write_mapper(place(store, "mapper-angry"), angry, False)
    (store.cache / "mapper-angry" / "recorded.sha256").unlink()
    assert finding(store, known, "mapper-angry").state is State.RIGHT


def wide_mouth(known: Witnesses) -> dict[str, torch.Tensor]:
    """A mapper that opens the mouth."""
    step = known.directions["mouth_open"]
    return constant_mapper(step.vector * step.length(step.high), False)


def smile(known: Witnesses, sign: float) -> torch.Tensor:
    direction = known.directions["smile"]
    return direction.vector * direction.length(direction.high if sign > 0 else direction.low)


def test_a_clip_that_was_not_trained(known):
    network = make_network()
    clip = Clip(dict(network.state_dict()))
    state, said = judge_clip(clip, known, side=32)
    assert state is State.WRONG and "logit scale" in said  # 1 / 0.07 at the start of training


@pytest.mark.slow
def test_tested_files_are_not_tested_again(store, known):
    assert not has_untested(store)
    path = write_mapper(place(store, "mapper-depp"), constant_mapper(torch.full((512,), 1e-9)))
    assert has_untested(store)
    assert "nothing" in wrong(store, known, "mapper-depp")
    assert not has_untested(store)
    nobody = Witnesses()
    nobody.__dict__["generator"] = None  # a second test would fail on it
    assert finding(store, nobody, "mapper-depp").state is State.WRONG
    os.utime(path, (1, 1))
    assert has_untested(store)


def test_the_screen_and_the_kept_report(store, tmp_path):
    doctor = Doctor(store)
    found = doctor.examine()
    text = found.text()
    for word in ("computer", "processor", "GPU", "generator", "storage", "not here"):
        assert word in text
    assert len(text.splitlines()) <= 30
    again = Doctor(store).latest()
    assert again is not None and again.text() == text
    (tmp_path / "cache" / "doctor.json").write_text("{")
    assert Examination.open(tmp_path / "cache" / "doctor.json") is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"", "an empty file"),
        (b"hello", "no file of weights"),
    ],
)
def test_files_that_are_no_weights(tmp_path, data, said):
    path = tmp_path / "file.pt"
    path.write_bytes(data)
    assert said in identify(path).text


def test_generators_are_named_with_their_size(tmp_path):
    path = write_rosinality(tmp_path / "g.pt", rosinality_state())
    assert identify(path).text == "a StyleGAN2 generator of 32 pixels in rosinality's layout"


def full_size() -> dict[str, torch.Tensor]:
    """StyleGAN2 at 1024 with the golden weights; needs no golden file, only their rule."""
    _, shapes = golden("stylegan2-rosinality-1024")
    assert {k: tuple(v) for k, v in shapes.items() if not k.endswith(".kernel")} == (
        rosinality_shapes(FULL, 512)
    )
    return rosinality_state(FULL, 512)
