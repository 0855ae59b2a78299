"""Recipes and their names."""

import dataclasses
import json
import subprocess
import sys

import pytest

from reference_model.recipe import PRESETS, ModelConfig, Recipe, preset, recipe_from


@pytest.mark.parametrize("name", PRESETS)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = preset(name)
    again = recipe_from(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe and again.digest() == recipe.digest() and hash(again) == hash(recipe)


def test_every_field_changes_the_digest() -> None:
    base = Recipe()
    others = {"schedule": "inside", "distribution": "uniform", "scope": "per_sample", "data": "gratings",
              "targets": "patches", "optimizer": "muon", "model": ModelConfig(patch=4)}  # fmt: skip
    digests = {base.digest()}
    for field in dataclasses.fields(Recipe):
        value = others.get(field.name, getattr(base, field.name))
        value = value if field.name in others else value + 1
        digests.add(dataclasses.replace(base, **{field.name: value}).digest())
    assert len(digests) == 1 + len(dataclasses.fields(Recipe))


def test_the_digest_is_the_same_in_another_process() -> None:
    code = "from reference_model.recipe import preset; print(preset('cpu').digest())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == preset("cpu").digest()


def test_unknown_presets_are_named() -> None:
    with pytest.raises(ValueError, match="unknown preset 'tpu': there is smoke, cpu, gpu"):
        preset("tpu")
