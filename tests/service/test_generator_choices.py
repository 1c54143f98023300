"""What edits need is there before all networks are."""

from __future__ import annotations

import threading

import pytest

from pti_core.errors import CheckpointError
from pti_core.models import EditModels
from service.generator_choices import GeneratorChoices, load_later
from service.lazy_loader import LazyLoader
from service.studio import Studio
from tests.helpers.small import SHORT
from web.page_text import status


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

    choices = GeneratorChoices(LazyLoader(load), "small", editor=LazyLoader(load))
    with pytest.raises(CheckpointError, match="no weights"):
        choices.edit_models(models.generator.name)


def test_many_who_ask_at_once_get_one_editor(models):
    loaded = []

    def load_other(name):
        loaded.append(name)
        return EditModels(generator=models.generator, directions=models.directions)

    choices = GeneratorChoices(LazyLoader(lambda report: models), "first", load_other=load_other)
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


def test_the_rest_is_loaded_once_nobody_edits_or_when_it_is_asked_for(models):
    editor = LazyLoader(
        lambda report: EditModels(generator=models.generator, directions=models.directions)
    )
    loaded, asked = [], []

    def wait(wanted: threading.Event) -> None:
        assert editor.ready  # edits do not wait for this
        asked.append(wanted.wait(60))

    def load(report):
        loaded.append("rest")
        return models

    choices = GeneratorChoices(load_later(load, editor, wait), "small", editor=editor)
    choices.networks.start()
    assert choices.edit_models(models.generator.name) and not loaded
    assert choices.networks.get() is models
    assert loaded == ["rest"] and asked == [True]
