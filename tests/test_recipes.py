"""How a model is trained is said once: every use checks the same fields, by the same sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from math import cos, inf, nan, pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder.axial import Axial
from relugeom.autoencoder.independent import Independent
from relugeom.errors import ArgumentError
from relugeom.optim import OPTIMISERS, SGD, AdamW, optimiser_of_name
from relugeom.studies.censuses import Cohort
from relugeom.training.checkpoint import Checkpoint
from relugeom.training.configuration import Configuration
from relugeom.training.loop import train
from relugeom.training.many_models import AxialTraining, initial_models, train_many
from relugeom.training.recipes import Recipe
from relugeom.training.toy_models import ToyTraining, train_toy_models

USES: dict[str, Callable[..., Any]] = {
    "Configuration": partial(Configuration, T=4, n=6, S=0.5),
    "AxialTraining": partial(AxialTraining, Axial(6)),
    "ToyTraining": partial(ToyTraining, [Independent(6, 0.5)], batch=8),
}
every_use = pytest.mark.parametrize("use", USES.values(), ids=USES)

WRONG: dict[str, tuple[Any, ...]] = {
    "m": (0, -1, 1.5, "2", True, None, np.ones(2), 10**400),
    "steps": (-1, 2.5, "9", nan, None, 2**63),
    "warmup": (-1, 0.5, "1", None, 10**400),
    "optimiser": ("adamw", AdamW, None, 1e-3),
    "schedule": ("linear", 1, None, [], np.array(["cosine", "constant"])),
    "initialisation": ("zero", "", None, []),
    "init_scale": (0, -1.0, inf, nan, "1", True, 10**400, -(10**400)),
    "bias_coordinate": ("polar", None, []),
    "dtype": ("float16", np.float32, None),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_every_use_refuses_a_wrong_field_by_the_same_sentence(name: str, value: Any) -> None:
    told = set()
    for use in USES.values():
        if (name, value) != ("init_scale", None):
            with pytest.raises(ArgumentError, match=f"^{name} must be .*; got ") as error:
                use(**{name: value})
            # Which starts and bias coordinates there are is the use's own.
            told.add(re.sub("one of .*;", "one of ...;", str(error.value)))
    assert len(told) == 1


def test_every_field_has_a_wrong_value_above() -> None:
    assert {field.name for field in fields(Recipe)} == WRONG.keys()


WRONG_OF_ONE: dict[str, dict[str, tuple[Any, ...]]] = {
    "Configuration": {
        "T": (0, 2.5, True, 10**400), "n": ("6", 0, 10**400), "S": (1.0, -0.1, nan, "0.5"), "data": ("dense", None),
        "data_path": (Path(),), "data_seed": (0.5, -1), "seed": (-1, "0"), "init_path": (Path(), None),
        "init_instance": (1.0, "0"),
        "init_transpose": ("yes",), "growth": (nan, -1, inf), "untied": ("yes", None, 1), "engine": ("lazy",),
    },
    "AxialTraining": {"data": (np.eye(3), 6), "init_bias": (inf, "0", None)},
    "ToyTraining": {"laws": ([], [Axial(3)], Independent(3, 0.5), 3), "batch": (2.5, 0, 10**400)},
}  # fmt: skip


@every_use
def test_what_a_use_adds_is_checked_too(use: Any) -> None:
    wrong = WRONG_OF_ONE[use.func.__name__]
    assert {field.name for field in fields(use.func)} - {field.name for field in fields(Recipe)} == wrong.keys()
    usual = use()
    for name, values in wrong.items():
        for value in values:
            with pytest.raises(ArgumentError, match=rf"^{name} must .*; got "):
                replace(usual, **{name: value})


@every_use
def test_after_no_steps_the_model_is_that_of_the_start(use: Callable[..., Any]) -> None:
    recipe = use(steps=0)
    if isinstance(recipe, Configuration):
        end, start = train(recipe).model, recipe.initial_model()
    elif isinstance(recipe, AxialTraining):
        end, start = train_many(recipe, 2), initial_models(recipe, 0, 0, 2)
    else:
        end, start = train_toy_models(recipe), train_toy_models(replace(recipe, warmup=3, optimiser=SGD(9.0)))
    np.testing.assert_array_equal(end.W, start.W)
    np.testing.assert_array_equal(end.b, start.b)


def test_the_docstring_says_who_takes_which_start() -> None:
    told: dict[str, dict[str, float]] = {name: {} for name in USES}
    for start, takers in re.findall(r"^    (\w+) \((.*)\)$", str(Recipe.__doc__), re.MULTILINE):
        for taker in takers.split(", "):
            use, scale = taker.split()
            told[use][start] = float(scale)
    assert told == {name: dict(kind.func.INITIALISATIONS) for name, kind in USES.items()}  # type: ignore[attr-defined]
    assert Recipe.INITIALISATIONS == {}


@every_use
def test_a_scale_that_is_not_given_is_the_usual_one_of_the_start(use: Any) -> None:
    usual = use()
    for start, scale in use.func.INITIALISATIONS.items():
        more = {"init_path": "model.json"} if start == "file" else {}
        changed = replace(usual, initialisation=start, **more)
        assert (
            changed.chosen_init_scale == use(initialisation=start, init_scale=None, **more).chosen_init_scale == scale
        )
        given = replace(usual, init_scale=0.5)
        assert replace(given, initialisation=start, **more).chosen_init_scale == 0.5


def test_a_run_is_stored_under_the_scale_that_it_has() -> None:
    for given, stored in ((None, 1e-3), (1e-3, 1e-3), (0.5, 0.5)):
        training = AxialTraining(Axial(6), initialisation="small", init_scale=given)
        assert Cohort(training, 2).settings()["scale"] == stored
    for given, stored in ((None, 0.01), (0.5, 0.5)):
        configuration = Configuration(T=4, n=6, S=0.5, init_scale=given)
        assert configuration.as_dict()["init_scale"] == configuration.key()["init_scale"] == stored
    for given, stored in ((None, 1.0), (0.5, 0.5)):
        assert ToyTraining([Independent(6, 0.5)], init_scale=given).settings()["init_scale"] == stored


def test_random_starts_are_what_the_docstring_says() -> None:
    m, n = 3, 40_000
    for start, scale, expected in (
        ("xavier", 7.0, sqrt(2 / (m + n))), ("small", 0.5, 0.5 * sqrt(2 / (m + n))), ("normal", 0.5, 0.5),
    ):  # fmt: skip
        recipe = AxialTraining(Axial(n), m=m, initialisation=start, init_scale=scale)  # type: ignore[arg-type]
        W = recipe.random_encoder(np.random.default_rng(0), n)
        assert W.std() == pytest.approx(expected, rel=0.01)
        assert (np.abs(W).max() < 1.74 * expected) == (start != "normal")  # √3: uniform
    toy = ToyTraining([Independent(3, 0.5)], m=m, init_scale=0.5)
    assert toy.random_encoder(np.random.default_rng(0), n).std() == pytest.approx(0.5 * sqrt(2 / (m + n)), rel=0.01)
    circle = AxialTraining(Axial(5), m=m, initialisation="circle")
    norms = np.linalg.norm(circle.random_encoder(np.random.default_rng(0), 5), axis=0)
    np.testing.assert_allclose(norms, 4 / sqrt(1 - cos(2 * pi / 5)), rtol=1e-12)


@every_use
@pytest.mark.parametrize("rule", [AdamW(0.5), SGD(0.5, momentum=0.5)])
def test_learning_rates_are_shares_of_the_optimiser_s(use: Callable[..., Any], rule: Any) -> None:
    recipe = use(optimiser=rule, steps=20, schedule="cosine", warmup=4)
    rates, shares = recipe.learning_rates(), recipe.shares()
    assert [rates(k) for k in range(20)] == [0.5 * shares(k) for k in range(20)]
    assert max(map(rates, range(20))) == rates(3) == 0.5


@pytest.mark.parametrize("rule", [AdamW(0.1, 0.5, 0.75, 1e-3, 0.25), AdamW(0.1), SGD(0.1, 0.5, 0.25), SGD()], ids=repr)
def test_files_hold_every_constant_of_the_optimiser(rule: Any, tmp_path: Path) -> None:
    configuration = Configuration(T=4, n=6, S=0.5, steps=3, optimiser=rule)
    assert Configuration.from_dict(json.loads(json.dumps(configuration.as_dict()))) == configuration
    train(configuration, path=tmp_path / "run")
    assert Checkpoint.load(tmp_path / "run").configuration == configuration
    # Those for which version 0.1.0 had no name are there only where they are not the usual ones.
    assert ("beta1" in configuration.key()) == (rule == AdamW(0.1, 0.5, 0.75, 1e-3, 0.25))
    assert OPTIMISERS[configuration.as_dict()["optimiser"]] is type(rule)


def test_an_unknown_optimiser_is_refused() -> None:
    with pytest.raises(ArgumentError, match="optimiser must be one of adamw, sgd; got 'lion'"):
        optimiser_of_name("lion")
    with pytest.raises(ArgumentError, match="optimiser must be one of"):
        Configuration.from_dict({**Configuration(T=4, n=6, S=0.5).as_dict(), "optimiser": "lion"})


def test_momentum_beside_adamw_in_an_older_file_means_nothing() -> None:
    older = {**Configuration(T=4, n=6, S=0.5).as_dict(), "momentum": 0.9}
    assert Configuration.from_dict(older) == Configuration(T=4, n=6, S=0.5)
