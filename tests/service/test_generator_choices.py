"""What edits need is there before all networks are."""

from __future__ import annotations

import threading

import pytest

from pti_core.errors import CheckpointError
from pti_core.models import EditModels
from service.generator_choices import GeneratorChoices
from service.lazy_loader import LazyLoader
from service.studio import Studio
from tests.helpers.small import SHORT
from web.strings import status


def test_edits_do_not_wait_for_what_only_learning_needs(models):
    rest = threading.Event()
    editor = LazyLoader(
        lambda report: EditModels(generator=models.generator, directions=models.directions)
    )

    def load(report):
        editor.get()
        report("the rest", 0, 0)
        assert rest.wait(60)
        return models

    studio = Studio(load, {"fast": SHORT}, generator="small", editor=editor)
    choices = studio.choices
    assert not choices.can_edit
    studio.networks.start()
    found = choices.edit_models(models.generator.name)
    assert found.generator.fingerprint == models.generator.fingerprint
    assert choices.can_edit and not studio.networks.ready
    assert status(studio)["status"].startswith("Ready-made faces work")
    rest.set()
    studio.networks.get()
    assert choices.edit_models(models.generator.name) is found
    assert status(studio)["state"] == "ready"


def test_what_cannot_be_loaded_early_is_said(models):
    def load(report):
        raise CheckpointError("There are no weights.")

    choices = GeneratorChoices(load, "small", editor=LazyLoader(load))
    with pytest.raises(CheckpointError, match="no weights"):
        choices.edit_models(models.generator.name)


def test_many_who_ask_at_once_get_one_editor(models):
    loaded = []

    def load_other(name):
        loaded.append(name)
        return EditModels(generator=models.generator, directions=models.directions)

    choices = GeneratorChoices(lambda report: models, "first", load_other=load_other)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(choices.edit_models("other")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert loaded == ["other"] and len(set(map(id, found))) == 1
