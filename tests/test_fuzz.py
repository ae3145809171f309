"""Run databases, models and atlases made from a grammar: right in form, under a right checksum, and without sense.

The grammar takes what a file of ours holds and puts something else in one or a few places: other types, numbers at the
edge of what can be written, texts that cannot be shown, lists of other lengths, members too many or too few. What reads
it either refuses it by name, in one line and in bounded time, or gives what can be worked with.
"""

from __future__ import annotations

import copy
import json
import math
import random
import sqlite3
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder import Axial
from relugeom.autoencoder.files import load_models
from relugeom.capacity.searches.codes import SphericalCode
from relugeom.capacity.searches.searching import Found, NotFound, search
from relugeom.cli import main
from relugeom.errors import RelugeomError, StorageError
from relugeom.explorer.page import explorer_page, read_atlas
from relugeom.figures import render
from relugeom.report.tables import read_table
from relugeom.storage import RunDatabase
from relugeom.studies.censuses import Cohort, census
from relugeom.training.configuration import Configuration
from relugeom.training.many_models import AxialTraining
from relugeom.training.sweeps import sweep
from tests.conftest import Tier

SLOW = 20.0  # seconds for one small file, on a machine with much else to do


# ---------------------------------------------------------------------------------------------------------
# The grammar.


def odd_value(rng: random.Random) -> Any:
    """A value of JSON that nobody expects there."""
    return rng.choice(
        [
            None, True, False, 0, -1, 7, 10**400, -(10**400), 2**63, 1e300, -1e308, 5e-324, 0.5, math.nan, math.inf,
            -math.inf, "", "a", "\ud800", "\x1b[2J", "\u202e", "../../x", "1", "NaN", "x" * 300, [], [[]], {}, {"a": 1},
            [1, 2], [None], [[1, 2], [3]], {"records": []}, [0.0] * 1000, [[[[[[[]]]]]]],
        ]
    )  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a value of JSON, the whole first."""
    found = [path]
    if isinstance(value, dict):
        found += [place for key, item in value.items() for place in places(item, (*path, key))]
    elif isinstance(value, list):
        found += [place for key, item in enumerate(value) for place in places(item, (*path, key))]
    return found


def altered(value: Any, rng: random.Random) -> Any:
    """The value with something else in one to three places."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(places(value))
        if not path:
            if rng.random() < 0.1:
                value = odd_value(rng)
            continue
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        way, key = rng.randrange(6), path[-1]
        if way == 0:
            del parent[key]
        elif way == 1 and isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
        elif way == 1:
            parent[f"{key}!"] = parent[key]
        elif way == 2 and isinstance(parent[key], int | float) and not isinstance(parent[key], bool):
            much = 10**150 if isinstance(parent[key], int) else 1e150
            parent[key] = rng.choice([-parent[key], parent[key] + 1, parent[key] * much, str(parent[key])])
        elif way == 3 and isinstance(parent[key], str):
            parent[key] = rng.choice([parent[key][::-1], "../" + parent[key], parent[key] + "\ud83d", parent[key] * 2])
        else:
            parent[key] = odd_value(rng)
    return value


def written(value: Any) -> str:
    """JSON of it, with numbers that only some readers take."""
    return json.dumps(value)


def one_line(error: Exception, path: Path | None = None) -> None:
    text = str(error)
    assert text.startswith("" if path is None else f"{path}: ")
    assert text
    assert "\n" not in text
    assert len(text) < 1500


# ---------------------------------------------------------------------------------------------------------
# Run databases.

CODE = SphericalCode(2, 3, Fraction(1, 3))
COHORTS = [Cohort(AxialTraining(Axial(3), m=2, steps=3), 4)]
SWEPT = [Configuration(T=3, n=8, S=0.5, steps=3, warmup=1)]


def run_search(folder: Path) -> Any:
    with RunDatabase(folder / "runs.sqlite") as database:
        return search(CODE, attempts=2, seeded=False, against_theorem=True, database=database)


def run_census(folder: Path) -> Any:
    with RunDatabase(folder / "runs.sqlite") as database:
        return census(COHORTS, database)


def run_sweep(folder: Path) -> Any:
    return sweep(SWEPT, folder, test_examples=5)


def sensible_search(found: Any, folder: Path) -> None:
    assert isinstance(found, Found | NotFound)
    if isinstance(found, Found):
        assert CODE.settles(found.certificate)


def sensible_census(found: Any, folder: Path) -> None:
    for summary in found:
        assert summary.zero_loss.trials == COHORTS[0].seeds
        assert 0 <= summary.zero_loss.successes <= COHORTS[0].seeds
        assert sum(summary.statuses.values()) == COHORTS[0].seeds


def sensible_sweep(found: Any, folder: Path) -> None:
    for run in found:
        assert run.path.parent == folder
        assert run.status in ("finished", "diverged")


TASKS: dict[str, tuple[Callable[[Path], Any], Callable[[Any, Path], None]]] = {
    "search": (run_search, sensible_search),
    "census": (run_census, sensible_census),
    "sweep": (run_sweep, sensible_sweep),
}


def rows(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT key, result FROM runs ORDER BY key").fetchall()
    connection.close()
    return found


def rewrite(path: Path, key: str, text: object) -> None:
    """Another result under that key, with the checksum that belongs to it."""
    connection = sqlite3.connect(path)
    connection.execute(
        "UPDATE runs SET result = ?, sha256 = ? WHERE key = ?", (text, RunDatabase._seal(key, text), key)
    )
    connection.commit()
    connection.close()


@pytest.mark.parametrize("task", TASKS)
def test_databases_without_sense(task: str, tier: Tier, tmp_path: Path) -> None:
    total = tier.count(40, 500)
    rng = random.Random(f"fuzzed {task}, {tier.name}")
    run, sensible = TASKS[task]
    expected = run(tmp_path)
    sensible(expected, tmp_path)
    path = tmp_path / "runs.sqlite"
    kept = rows(path)
    assert kept
    refused = 0
    outside = sorted(tmp_path.parent.iterdir())
    for _ in range(total):
        key, text = rng.choice(kept)
        rewrite(path, key, written(altered(json.loads(text), rng)))
        begin = time.monotonic()
        try:
            sensible(run(tmp_path), tmp_path)
        except RelugeomError as error:
            one_line(error, path)
            refused += 1
        assert time.monotonic() - begin < SLOW
        rewrite(path, key, text)
    assert refused > total / 3
    assert sorted(tmp_path.parent.iterdir()) == outside, "nothing leaves the folder"
    tier.tell(f"{total} of {total} {task} databases without sense: {refused} refused, the others make some")


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "text",
    ["[]", "{}", "7", "null", "[" * 5000, '"' + "x" * 10, "1" * 5000, '{"records": 10e999}', b"\xff\xfe", 7, 0.5],
    ids=lambda text: repr(text)[:12],
)  # fmt: skip
def test_databases_of_nothing(task: str, text: object, tmp_path: Path) -> None:
    run, _ = TASKS[task]
    run(tmp_path)
    path = tmp_path / "runs.sqlite"
    for key, _ in rows(path):
        rewrite(path, key, text)
    with pytest.raises(StorageError) as caught:
        run(tmp_path)
    one_line(caught.value)


def test_a_census_with_one_seed_twice_is_refused(tmp_path: Path) -> None:
    run_census(tmp_path)
    path = tmp_path / "runs.sqlite"
    key, text = rows(path)[0]
    row = json.loads(text)
    row["records"][1] = row["records"][0]
    rewrite(path, key, json.dumps(row))
    with pytest.raises(StorageError, match="record 1 is not of seed 1"):
        run_census(tmp_path)


@pytest.mark.parametrize("file", ["../../x.npz", "/etc/passwd", "", ".", "other.npz"])
def test_a_file_outside_the_folder_of_a_sweep_is_refused(file: str, tmp_path: Path) -> None:
    run_sweep(tmp_path)
    path = tmp_path / "runs.sqlite"
    key, text = rows(path)[0]
    rewrite(path, key, json.dumps({**json.loads(text), "file": file}))
    with pytest.raises(StorageError, match="the name of its file"):
        run_sweep(tmp_path)


def test_a_run_of_a_sweep_whose_model_is_gone_is_done_again(tmp_path: Path) -> None:
    first = run_sweep(tmp_path)[0]
    content = first.path.read_bytes()
    first.path.unlink()
    again = run_sweep(tmp_path)[0]
    assert again.path.read_bytes() == content
    assert again.metrics == first.metrics


# ---------------------------------------------------------------------------------------------------------
# Models and atlases.

MODEL = {
    "format": "relugeom-model/1",
    "name": "a model",
    "W": [[1.0, -0.5, 0.25], [0.0, 2.0, -1e-3]],
    "b": [0.0, -1.0, 0.5],
}
ENTRY = {
    "count": 3, "seeds": 10, "interval": [0.1, 0.6], "loss": 0.25, "nature": "minimum", "inertia": [5, 0, 0],
    "type": "3 represented", "radii": [1.0], "gaps": [1.0, 2.0], "slack": 0.5, "W": [[1.0, -1.0, 0.5], [0.0, 0.5, 1.0]],
    "b": [0.0, 0.5, -0.25], "certified": True, "spurious": False,
}  # fmt: skip
ATLAS = {"3": [ENTRY, {**ENTRY, "W": None, "b": None}], "4": []}


def test_models_without_sense(tier: Tier, tmp_path: Path) -> None:
    total = tier.count(300, 3_000)
    rng = random.Random(f"fuzzed models, {tier.name}")
    path = tmp_path / "model.json"
    refused = 0
    for _ in range(total):
        path.write_text(written(altered(MODEL, rng)), encoding="utf-8")
        begin = time.monotonic()
        try:
            for file in load_models(path).models:
                W = file.model.W
                with np.errstate(all="raise", under="ignore"):
                    assert np.isfinite(W.T @ W).all()
                file.name.encode()
                if W.shape[0] == 2 and W.shape[1] <= 12:
                    explorer_page([file]).encode()
        except RelugeomError as error:
            one_line(error)
            refused += 1
        assert time.monotonic() - begin < SLOW
    assert refused > total / 3
    tier.tell(f"{total} of {total} models without sense: {refused} refused, the others can be shown")


@pytest.mark.parametrize("reader", ["explorer", "report"])
def test_atlases_without_sense(reader: str, tier: Tier, tmp_path: Path) -> None:
    total = tier.count(300, 3_000)
    rng = random.Random(f"fuzzed atlases, {reader}, {tier.name}")
    path = tmp_path / "atlas.json"
    refused = 0
    for _ in range(total):
        path.write_text(written(altered(ATLAS, rng)), encoding="utf-8")
        begin = time.monotonic()
        try:
            if reader == "report":
                table = read_table("atlas", path)
                table.html().encode()
                if rng.random() < 0.05:
                    for picture in table.pictures:
                        render(picture.draw())
            else:
                models = [file for file in read_atlas(path) if file.model.W.shape[0] == 2]
                explorer_page(models).encode()
        except RelugeomError as error:
            one_line(error)
            refused += 1
        assert time.monotonic() - begin < SLOW
    assert refused > total / 5
    tier.tell(f"{total} of {total} atlases without sense for the {reader}: {refused} refused, the others can be shown")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({**MODEL, "name": "\ud800"}, "name must be a text"),
        ({**MODEL, "W": [[1e200, 1, 1], [0, 0, 1]]}, "finite ones up to 1e+100"),
        ({**MODEL, "W": [[10**400, 1, 1], [0, 0, 1]]}, "must be a finite number"),
        ({**MODEL, "b": [math.nan, 0, 0]}, "must be a finite number"),
    ],
    ids=["surrogate", "1e200", "10**400", "nan"],
)
def test_commands_refuse_such_models_in_one_line(
    model: Any, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.json"
    path.write_text(written(model), encoding="utf-8")
    for command in (["explorer", "--out", tmp_path / "x.html"], ["figures", "regions", "--out", tmp_path]):
        assert main([*map(str, command), "--model", str(path)]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert words in err
    assert not (tmp_path / "x.html").exists()
