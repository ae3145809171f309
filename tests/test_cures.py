"""Counting cures: what is counted, against numbers worked out apart; and going on where a count stopped."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.make.tables_of_cure import CELLS, count_page
from relugeom.autoencoder import Axial, Independent, loss, zero_loss_polygon
from relugeom.cli import main
from relugeom.errors import ArgumentError
from relugeom.optim import SGD, AdamW
from relugeom.statistics import wilson_interval
from relugeom.storage import RunDatabase
from relugeom.studies.censuses import Cohort, census
from relugeom.studies.cures import _count, _record, cures, watch
from relugeom.training.many_models import AxialTraining, initial_models, train_from
from relugeom.training.toy_models import ToyTraining
from tests.test_documents import ROOT

CURED = AxialTraining(
    Axial(6), optimiser=AdamW(0.02), steps=1_500, initialisation="small", bias_coordinate="centred", schedule="cosine"
)


def test_the_polygon_is_the_smallest_and_regular() -> None:
    W, b = zero_loss_polygon(7)
    record = _record(3, np.asarray(W), np.asarray(b), 0.0, 40)
    assert record["ratio"] == pytest.approx(1)
    assert record["gap"] == pytest.approx(1)
    assert record["size"] == pytest.approx(1)
    assert (record["seed"], record["step"], record["live"]) == (3, 40, 7)


def test_seeds_are_counted_as_they_are() -> None:
    cell = Cohort(CURED, 12)
    records = watch(cell, 0, 12)
    models = train_from(CURED, initial_models(CURED, 0, 0, 12))
    total = 6 * np.asarray(loss(models, Axial(6)))
    assert [r["loss"] for r in records] == pytest.approx(list(total), abs=1e-6)
    assert [r["step"] is not None for r in records] == list(total < 1e-3)
    found = _count(records)
    assert found.zero_loss.successes == (total < 1e-3).sum() > 0
    assert found.size is not None
    assert found.size >= 1 - 1e-3
    assert found.steps is not None
    assert found.steps % 15 == 0


def test_a_seed_that_diverges_is_a_failure() -> None:
    wild = AxialTraining(Axial(4), optimiser=SGD(1e6), steps=30)
    found = _count(watch(Cohort(wild, 5), 0, 5))
    assert found.zero_loss.successes == 0
    assert found.losses[2] == np.inf
    assert (found.steps, found.ratio, found.gap) == (None, None, None)


def rows(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM runs ORDER BY key").fetchall()


@pytest.mark.parametrize("count", [census, cures])
def test_cells_that_share_a_block_are_stored_as_if_each_were_alone(count: Any, tmp_path: Path) -> None:
    usual = AxialTraining(Axial(5), optimiser=AdamW(0.02), steps=120)
    cells = [
        Cohort(usual, 4),
        Cohort(replace(usual, optimiser=AdamW(0.1)), 3),
        Cohort(replace(usual, initialisation="small"), 1),
        Cohort(replace(usual, initialisation="small", init_scale=0.1), 5, seed=2),
        Cohort(replace(usual, bias_coordinate="none"), 3),
    ]
    apart, together = tmp_path / "apart.db", tmp_path / "together.db"
    with RunDatabase(apart) as database:
        expected = [count([cell], database)[0] for cell in cells]
    with RunDatabase(together) as database:
        count(cells[1:2], database)  # a block that is there already is left out of the others'
        assert list(count(cells, database)) == expected
    assert rows(apart) == rows(together)


def test_many_seeds_in_pieces_for_two_workers_are_stored_as_one_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr("relugeom.training.many_models._LEAST", 5)
    cells = [Cohort(AxialTraining(data=Axial(5), optimiser=AdamW(0.02), steps=100), 11)]
    alone, shared = tmp_path / "alone.db", tmp_path / "shared.db"
    asked = []

    class Two(ThreadPoolExecutor):
        def submit(self, do: Any, /, *arguments: Any, **named: Any) -> Any:
            asked.append([count for _, _, count in arguments[1]])
            return super().submit(do, *arguments, **named)

    with RunDatabase(alone) as database:
        census(cells, database)
    with RunDatabase(shared) as database, Two(2) as executor:
        census(cells, database, executor=executor)
    assert sum(map(len, asked)) == 2
    assert sorted(count for counts in asked for count in counts) == [5, 6]
    assert rows(alone) == rows(shared)


def test_without_a_bias_the_least_loss_counts() -> None:
    training = AxialTraining(Axial(6), optimiser=AdamW(0.02), steps=600, bias_coordinate="none", schedule="cosine")
    found = _count(watch(Cohort(training, 10), 0, 10))
    assert found.zero_loss.successes == 10
    assert found.losses == pytest.approx([6 - 5 * (7 + np.sqrt(5)) / 11] * 3, abs=1e-4)
    pairs = _count(watch(Cohort(replace(training, data=Axial(4)), 3), 0, 3))
    assert pairs.zero_loss.successes == 3
    assert pairs.losses[2] < 1e-4
    with pytest.raises(ArgumentError, match=r"needs n ≤ 2m or m ≤ 2.*; got n = 7, m = 3"):
        watch(Cohort(replace(training, data=Axial(7), m=3), 2), 0, 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (ToyTraining([Independent(3, 0.5)], steps=2), "cohorts must be of AxialTraining; got ToyTraining"),
        (AxialTraining(Axial(7), m=3, bias_coordinate="none"), "needs n ≤ 2m or m ≤ 2.*; got n = 7, m = 3"),
    ],
)
def test_what_is_no_cure_is_refused_before_anything_is_trained(wrong: Any, message: str, tmp_path: Path) -> None:
    with RunDatabase(tmp_path / "cure.db") as database:
        with pytest.raises(ArgumentError, match=message):
            cures([Cohort(CURED, 2), Cohort(wrong, 2)], database)
        assert not len(database)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--bias-coordinates", "none", "--initialisations", "circle"], "start at 0; got initialisation = 'circle'"),
        (["--bias-coordinates", "plain", "none", "--m", "3", "--n", "5..7"], "needs n ≤ 2m or m ≤ 2"),
        (["--momentum", "0.9"], "--momentum is for the optimiser sgd; got adamw"),
    ],
)
def test_what_is_refused_leaves_no_file(
    wrong: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["cure", "--n", "5", "--seeds", "2", "--steps", "3", "--figures", str(tmp_path / "figures"), *wrong]
    assert main([*given, "-o", str(tmp_path / "cure.db")]) == 2
    assert message in capsys.readouterr().err
    assert "cure.db" not in [path.name for path in tmp_path.iterdir()]


def test_a_count_goes_on_where_it_stopped_and_does_not_depend_on_company(tmp_path: Path) -> None:
    few, many = Cohort(CURED, 3), Cohort(CURED, 253)
    asked: list[int] = []
    with RunDatabase(tmp_path / "cures.db") as database:
        first = cures([few], database, progress=lambda news: asked.append(news.done))
        again = cures([few, many], database, progress=lambda news: asked.append(news.done))
        assert cures([few, many], database, progress=lambda news: asked.append(news.done)) == again
    assert asked == [0, 1, 1, 2, 3, 3]
    assert again[0] == first[0]
    assert again[1].zero_loss.trials == 253


def test_the_command_prints_a_line_a_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "cure",
        "--resume",
        "-o",
        str(tmp_path / "a.db"),
        "--n",
        "4,5",
        "--seeds",
        "4",
        "--steps",
        "300",
        "--learning-rates",
        "0.03",
    ]
    command += ["--optimisers", "adamw", "sgd", "--initialisations", "small", "--bias-coordinates", "centred"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert sum(line.strip().startswith(("4 ", "5 ")) for line in printed.splitlines()) == 4
    assert main([*command, "--json"]) == 0
    cells: Any = json.loads(capsys.readouterr().out)["cells"]
    assert [(c["n"], c["optimiser"]) for c in cells] == [(4, "adamw"), (4, "sgd"), (5, "adamw"), (5, "sgd")]
    assert all(c["zero_loss"]["trials"] == 4 for c in cells)


@pytest.mark.parametrize(
    "wrong", [["--optimisers", "lion"], ["--initialisations", "small", "huge"], ["--learning-rates", "fast"]]
)
def test_nonsense_is_refused(wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["cure", "-o", str(tmp_path / "a.db"), *wrong])
    assert "must be" in capsys.readouterr().err


def test_the_page_of_counts_is_that_of_its_data() -> None:
    """To write it anew: python -m docs.make.tables_of_cure > docs/cure_counts.md."""
    assert (ROOT / "docs" / "cure_counts.md").read_text(encoding="utf-8") == count_page()


def test_the_intervals_of_the_counts_are_wilson_s() -> None:
    for cell in CELLS:
        expected = wilson_interval(cell["successes"], cell["trials"], level=0.95)
        np.testing.assert_allclose(cell["interval"], expected, atol=1e-4)
