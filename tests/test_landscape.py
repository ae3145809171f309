"""The atlas, the census and the experiments: small runs whose outcome is known."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder import Axial, Independent, Parameters, UniformAxial, loss, symmetric_failure
from relugeom.autoencoder.files import dumps_model
from relugeom.cli import main
from relugeom.errors import ArgumentError
from relugeom.exact import Valid, check
from relugeom.landscape.families.failure import best_ratio, escape, escape_curvature, leaving
from relugeom.landscape.families.kgons import kgon_loss, kgons, quadrature_loss
from relugeom.optim import AdamW
from relugeom.progress import Progress
from relugeom.storage import RunDatabase, load_arrays
from relugeom.studies.activity import failures_by_activity
from relugeom.studies.atlases import atlas
from relugeom.studies.censuses import Cohort, census, summary
from relugeom.studies.levels import energy_levels
from relugeom.studies.resampling import Resampling, chaos_map, compare
from relugeom.studies.toy_models import sparsities
from relugeom.studies.traces import Trace, events, trace
from relugeom.training.many_models import AxialTraining, descend, initial_models, train_many
from relugeom.training.toy_models import ToyTraining, train_toy_models

QUICK = AdamW(1e-2)


def test_the_atlas_of_six_features_holds_a_certified_spurious_minimum() -> None:
    entries = atlas(AxialTraining(UniformAxial(6), optimiser=QUICK, steps=3000), 30)
    assert sum(entry.count for entry in entries) == 30
    assert [entry.count for entry in entries] == sorted((entry.count for entry in entries), reverse=True)
    first = entries[0]
    assert first.kind.type == "5 represented, 1 null; 1 circle"
    assert (first.nature, first.inertia) == ("strict minimum", (17, 0, 0))
    assert first.is_spurious
    assert first.certificate is not None
    assert isinstance(check(first.certificate), Valid)
    hexagon = next(entry for entry in entries if entry.kind.type == "6 represented; 1 circle")
    assert hexagon.certificate is not None
    assert not hexagon.is_spurious
    assert hexagon.loss == pytest.approx(kgons(6)[0].h / 3)


@pytest.mark.long
@pytest.mark.parametrize("n", [8, 9, 10])
def test_the_page_tells_what_drifts(n: int) -> None:
    page = (Path(__file__).parents[1] / "docs" / "atlas.md").read_text(encoding="utf-8")
    drifting = page.partition("relugeom atlas --n 8..10 --seeds 200")[2].partition(f"\n| {n} |")[2].split("|")[2]
    found = [entry for entry in atlas(AxialTraining(Axial(n)), 200) if entry.nature == "drifting"]
    told = re.findall(r"([\d.]+) %: [^;]*?([\d.]+)(?:;|$)", drifting.strip())
    assert told == [(f"{entry.count / 2:.1f}", f"{entry.loss:.3f}") for entry in found]


def test_zero_loss_on_the_identity_is_grouped_by_type() -> None:
    entries = atlas(AxialTraining(Axial(5), optimiser=QUICK, steps=4000), 20)
    assert all(entry.nature == "global minimum" for entry in entries)
    assert len({entry.kind.type for entry in entries}) == len(entries) < 6


def test_without_a_bias_training_finds_the_five_rays(tmp_path: Path) -> None:
    training = AxialTraining(Axial(6), optimiser=AdamW(0.02), steps=600, bias_coordinate="none", schedule="cosine")
    entries = atlas(training, 10, certificates=False)
    least = 6 - 5 * (7 + np.sqrt(5)) / 11  # `pentagon-is-optimal`
    assert [entry.loss for entry in entries] == pytest.approx([least] * len(entries), abs=1e-9)
    assert all(entry.example.b is None for entry in entries)
    with RunDatabase(tmp_path / "census.db") as database:
        (found,) = census([Cohort(training, 10)], database)
    assert found.losses == pytest.approx((least, least, least), abs=1e-9)
    assert found.zero_loss.successes == 0


def test_a_trace_without_a_bias_comes_to_rest() -> None:
    training = AxialTraining(Axial(5), optimiser=AdamW(0.02), steps=600, bias_coordinate="none", schedule="cosine")
    record = trace(training, every=300)
    assert record.gradient_norm[-1] < 1e-2 < record.gradient_norm[0]
    assert not record.b.any()


def test_a_trace_goes_on_from_a_model_without_a_bias(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tmp_path / "model.json", tmp_path / "trace.npz"
    W = np.array([[1.0, -0.5, -0.5], [0.0, 0.9, -0.9]])
    model.write_text(dumps_model(Parameters(W)))
    line = ["trace", "--model", str(model), "--steps", "20", "--output", str(out)]
    assert main(line) == 2
    assert "--model must be a tied model with a bias; without one: --bias-coordinate none" in capsys.readouterr().err
    assert not out.exists()
    assert main([*line, "--bias-coordinate", "none"]) == 0
    record, _ = load_arrays(out, kind="trace")
    np.testing.assert_allclose(record["W"][0], W, rtol=1e-7)
    assert record["loss"][-1] < record["loss"][0]
    assert not record["b"].any()


def test_a_census_resumes_and_counts(tmp_path: Path) -> None:
    cells = [
        Cohort(AxialTraining(Axial(5), optimiser=QUICK, steps=2000), 20),
        Cohort(AxialTraining(Axial(5), steps=0), 20),
    ]
    seen: list[Progress] = []
    with RunDatabase(tmp_path / "census.db") as database:
        first = census(cells, database, progress=seen.append)
        again = census(cells, database, progress=seen.append)
        shared = census([Cohort(cells[0].training, 20, seed=1)], database, executor="processes://2")
    assert [(p.done, p.total) for p in seen] == [(0, 2), (1, 2), (2, 2), (2, 2)]
    assert first == again
    assert first[0].zero_loss.successes == 20
    assert first[0].zero_loss.interval[0] > 0.8
    assert first[1].zero_loss.successes == 0  # untrained, even if polishing then finds zero loss
    assert sum(first[0].types.values()) == 20
    assert shared[0].zero_loss.trials == 20


def test_a_census_key_names_new_ways_to_train_and_keeps_the_old_keys() -> None:
    old = Cohort(AxialTraining(Axial(5)), 20).settings()
    assert not {"bias_coordinate", "schedule", "warmup"} & set(old)
    assert (old["start"], old["scale"]) == ("xavier", 1.0)
    new = Cohort(AxialTraining(Axial(5), bias_coordinate="centred", schedule="cosine", warmup=3), 20).settings()
    assert new == {**old, "bias_coordinate": "centred", "schedule": "cosine", "warmup": 3}
    small = Cohort(AxialTraining(Axial(5), initialisation="small"), 20).settings()
    assert small == {**old, "start": "small", "scale": 1e-3}


def test_a_summary_counts_what_went_to_infinity() -> None:
    record = {"seed": 1, "status": "SMOOTH", "trained": 0.0, "loss": 0.0, "type": "x", "circles": 2, "lost": 1,
              "separable": True, "slack": -0.5}  # fmt: skip
    found = summary([record, {"seed": 2, "status": "DRIFTING", "trained": None, "loss": None}])
    assert (found.zero_loss.successes, found.zero_loss.trials) == (1, 2)
    assert (found.two_circles.successes, found.one_circle.successes, found.slack_kept.successes) == (1, 0, 0)
    assert found.lost_axes == {1: 1}
    assert str(found.zero_loss).startswith("50.0% [")


@pytest.mark.parametrize("k", range(4, 13))
def test_polygons_agree_with_quadrature(k: int) -> None:
    (gon,) = kgons(k)
    square = gon.radius**2
    assert float(quadrature_loss(k, square, gon.bias)) == pytest.approx(gon.h, abs=1e-12)
    for s, b in [(1.01, 0.0), (0.99, 0.0), (1.0, 0.01), (1.0, -0.01)]:
        assert kgon_loss(k, square * s, gon.bias + b) > gon.h or gon.nature == "saddle"
    assert gon.nature.split()[0] == ("flat" if k == 4 else "minimum" if k < 10 else "saddle")


def test_polygons_are_those_of_the_paper() -> None:
    square, pentagon, decagon = kgons(4)[0], kgons(5)[0], kgons(10)[0]
    assert (square.radius, square.bias, square.h) == pytest.approx((1, 0, 0))
    assert (pentagon.radius, pentagon.bias, pentagon.h) == pytest.approx((1.17046, -0.28230, 0.23738), abs=1e-5)
    golden = (1 + 5**0.5) / 2
    assert (decagon.radius, decagon.bias, decagon.h) == pytest.approx((golden, -golden, 5))
    with pytest.raises(ArgumentError):
        kgons(2)


@pytest.mark.parametrize("n", range(4, 20))
def test_the_symmetric_failure_falls_along_the_escape(n: int) -> None:
    base = n * float(loss(symmetric_failure(n), Axial(n)))
    assert base == pytest.approx((n - 1) / n)
    for c in (best_ratio(n) / 2, best_ratio(n), 3 * best_ratio(n)):
        for angle in (0.0, 1.0):
            t = 1e-5
            change = n * float(loss(escape(n, (t * np.cos(angle), t * np.sin(angle)), c), Axial(n))) - base
            assert change / t**2 == pytest.approx(escape_curvature(n, c), rel=0.01, abs=2e-3)
    assert escape_curvature(n, best_ratio(n)) < 0
    assert n == 4 or escape_curvature(n, 3 * best_ratio(n)) > 0
    with pytest.raises(ArgumentError):
        best_ratio(3)


def test_the_curvature_for_seven_is_the_known_one() -> None:
    for c in (0.1, 0.2, 0.4, 1.0):
        assert escape_curvature(7, c) == pytest.approx(30 / 7 * c**2 - 12 / 7 * c)


def test_training_leaves_the_symmetric_failure_along_the_escape() -> None:
    found = leaving(6, 10, steps=3000)
    assert (found.steps > 0).all()
    assert (found.alignment > 0.99).all()
    np.testing.assert_allclose(found.ratio, best_ratio(6), rtol=0.4)
    assert (found.recovered > found.steps).all()
    assert (found.spread > 1.1).all()


def test_a_trace_is_the_training_and_its_events_are_told() -> None:
    training = AxialTraining(Axial(7), steps=10_000)
    record = trace(training, 3)
    assert record.steps[-1] == 10_000
    np.testing.assert_allclose(record.feature_loss.sum(axis=1), record.loss, rtol=1e-12)
    assert record.loss[-1] < record.loss[0]
    happened = events(record)
    assert [event.step for event in happened] == sorted(event.step for event in happened)
    assert any(event.what == "appears" and event.feature == 5 for event in happened)
    start = Parameters(record.W[-1], record.b[-1])
    np.testing.assert_array_equal(trace(training, start=start, every=10_000).W[0], record.W[-1])


def test_events_must_last() -> None:
    alive = np.ones((12, 1), bool)
    alive[3] = False  # a flicker
    alive[8:] = False  # a death, which lasts to the end
    zeros = np.zeros(12)
    record = Trace(np.arange(12), np.zeros((12, 2, 1)), np.zeros((12, 1)), zeros, zeros, np.zeros((12, 1)), alive,
                   np.array([1] * 6 + [2] * 6))  # fmt: skip
    found = [(event.step, event.what) for event in events(record, patience=4)]
    assert found == [(4, "appears"), (6, "split"), (8, "vanishes")]


def test_resampling_by_loss_revives_what_normal_starts_lose() -> None:
    training = AxialTraining(Axial(7), optimiser=QUICK, steps=5000, initialisation="normal")
    none, by_loss, repulsor = compare(training, [Resampling(), Resampling("by loss"), Resampling("repulsor", 0.05)], 60)
    assert none.seeds == by_loss.seeds == repulsor.seeds == 60
    assert by_loss.mean_lost < none.mean_lost
    assert by_loss.interval[0] <= by_loss.zero_loss / 60 <= by_loss.interval[1]
    with pytest.raises(ArgumentError, match="multiple"):
        compare(training, [Resampling()], 5, rounds=2)


def test_the_chaos_map_does_not_move_without_a_perturbation() -> None:
    found = chaos_map(5, np.array([1e-3, 1e-2]), np.array([0.0, 0.0, 0.1]), steps=300)
    assert found.shape == (2, 3)
    np.testing.assert_array_equal(found[:, 0], found[:, 1])
    assert (found[:, 0] != found[:, 2]).all()


def test_several_active_entries_make_the_same_training_fail() -> None:
    one, three = (failures_by_activity(3, 9, k, 6, optimiser=QUICK, steps=1500) for k in (1, 3))
    assert (one.active, one.failures) == (1, 0)
    assert (three.active, three.failures) == (3, 6)
    assert failures_by_activity(5, 5, 1, 4, steps=1).failures == 4
    with pytest.raises(ArgumentError, match="features must be at least"):
        failures_by_activity(5, 9, 2, 4)


def test_several_active_entries_do_not_forbid_zero_loss() -> None:
    """The model of the docstring of `relugeom.studies.activity`, with the triangle for v_t."""
    from relugeom.autoencoder import zero_loss_polygon

    X = np.array([[0.6, 0.8, 0, 0, 0, 0], [0, 0, 1.0, 0, 0, 0], [0, 0, 0, 0.48, 0.6, 0.64]])
    v, c = zero_loss_polygon(3)
    assert float(loss(Parameters(v @ X, c @ X), X)) == pytest.approx(0, abs=1e-30)


AXES, TOY = AxialTraining(Axial(4), steps=2), ToyTraining([Independent(3, 0.5)], steps=2, batch=4)
MANY = replace(TOY, laws=[Independent(30, 0.5)])


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (lambda: Cohort(AXES, 0), "seeds must be a whole number, at least 1; got 0"),
        (lambda: Cohort(AXES, 2.5), "seeds must be .* got 2.5"),
        (lambda: Cohort(TOY, 2, None), "seed must be a whole number, at least 0; got None"),
        (lambda: Cohort(Axial(4), 2), "training must be AxialTraining or ToyTraining; got Axial"),
        (lambda: Cohort(MANY, 2), "n = 30 with up to 30 active features takes .* states"),
        (lambda: atlas(MANY, 2), "n = 30 with up to 30 active features takes .* states"),
        (lambda: atlas(TOY, 2, seed=-1), "seed must be .* got -1"),
        (lambda: atlas(TOY, "2"), "seeds must be .* got '2'"),
        (lambda: atlas(AXES, 2, escapes=-1), "escapes must be .* got -1"),
        (lambda: trace(MANY), "n = 30 with up to 30 active features takes .* states"),
        (lambda: trace(AXES, every=0), "every must be a whole number, at least 1; got 0"),
        (lambda: trace(TOY, -1), "index must be .* got -1"),
        (lambda: trace(AXES, seed="0"), "seed must be .* got '0'"),
        (lambda: events(trace(AXES), patience=-1), "patience must be .* got -1"),
        (lambda: next(descend(AXES, initial_models(AXES, 0, 0, 1), every=-1)), "every must be .* got -1"),
        (lambda: train_many(AXES, 2, first=0.5), "first must be .* got 0.5"),
        (lambda: initial_models(AXES, 0, 0, -1), "count must be .* got -1"),
        (lambda: train_toy_models(TOY, seed=0.5), "seed must be .* got 0.5"),
        (lambda: sparsities(-1), "count must be .* got -1"),
        (lambda: energy_levels(Independent(3, 0.5), 1), "looks must be .* got 1"),
        (lambda: failures_by_activity(4, 8, 2, 0), "seeds must be .* got 0"),
        (lambda: failures_by_activity(4, 8, 2, 3, steps=-1), "steps must be .* got -1"),
        (lambda: failures_by_activity(4, 8, 2, 3, init_scale=-1.0), "init_scale must be .* got -1"),
        (lambda: compare(AXES, [Resampling("none")], 2, rounds=-1), "rounds must be .* got -1"),
    ],
)
def test_a_study_says_what_it_cannot_take_before_it_begins(study: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=f"^{message}"):
        study()


def test_whole_numbers_of_numpy_are_stored_as_any_other(tmp_path: Path) -> None:
    with RunDatabase(tmp_path / "census.db") as database:
        expected = census([Cohort(AXES, 2, 3)], database)
        assert census([Cohort(AXES, np.int64(2), np.uint8(3))], database) == expected
        assert len(database) == 1


def test_the_commands_print_what_they_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training = ["--steps", "2000", "--learning-rate", "0.01"]
    common = ["atlas", "--n", "6", "--data", "uniform", "--seeds", "20", *training]
    assert main([*common, "--certificates", str(tmp_path / "found")]) == 0
    shown = capsys.readouterr().out
    assert "5 represented, 1 null; 1 circle  spurious, certified" in shown
    assert main(["check", str(tmp_path / "found")]) == 0
    capsys.readouterr()
    assert main([*common, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["6"][0]["spurious"] is True
    count = ["census", "--n", "4..5", "--seeds", "10", "-o", str(tmp_path / "c.db"), "--resume", *training]
    assert main(count) == 0
    assert "zero loss (Σ < 1e-3)" in capsys.readouterr().out
    assert main([*count, "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"4", "5"}
    assert main(["trace", "--n", "5", "--index", "2", "--output", str(tmp_path / "t.npz"), *training]) == 0
    assert "What happened" in capsys.readouterr().out
    assert (tmp_path / "t.npz").exists()
    assert main(["trace", "--n", "5", "--json", *training]) == 0
    assert json.loads(capsys.readouterr().out)["steps"][-1] == 2000


def test_independent_features_are_trained_watched_and_counted_alike(tmp_path: Path) -> None:
    law = Independent(3, 0.8, (1.0, 0.9, 0.8))
    training = ToyTraining([law], batch=128, steps=400, optimiser=QUICK)
    entries = atlas(training, 6)
    assert sum(entry.count for entry in entries) == 6
    for entry in entries:
        assert entry.loss == pytest.approx(float(loss(entry.example, law)))
        assert entry.certificate is None
    assert "zero loss (< 0.00018)" in entries.caption()
    with RunDatabase(tmp_path / "census.sqlite") as database:
        (counted,) = census([Cohort(training, 6)], database)
    assert counted.losses[0] == pytest.approx(min(entry.loss for entry in entries), rel=1e-6)
    assert counted.zero_loss.trials == 6
    last = entries[0].index
    record = trace(training, last, every=150)
    assert record.steps.tolist() == [0, 150, 300, 400]
    assert record.loss == pytest.approx(
        [float(loss(Parameters(W, b), law)) for W, b in zip(record.W, record.b, strict=True)]
    )
    assert record.feature_loss.sum(1) == pytest.approx(record.loss)
    assert np.abs(record.W[-1] - entries[0].example.W).max() < 0.2  # polishing finishes what training had not
    with pytest.raises(ArgumentError, match="start must be None for independent features"):
        trace(training, start=symmetric_failure(3))
    with pytest.raises(ArgumentError, match="laws must all be the same here; got 2"):
        atlas(ToyTraining([law, Independent(3, 0.5)], steps=1), 2)


@pytest.mark.parametrize("command", ["atlas", "trace", "census"])
def test_commands_take_independent_features(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = [command, "--n", "3", "--data", "independent", "--steps", "40", "--batch", "32"]
    line += [] if command == "trace" else ["--seeds", "2"]
    more = ["-o", str(tmp_path / "census.sqlite")] if command == "census" else []
    assert main([*line, *more, "--sparsity", "0.8", "--importance", "0.9", "--at-most", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    more = ["-o", str(tmp_path / "other.sqlite")] if command == "census" else []
    for wrong, message in (
        (["--sparsity", "-0.5"], "sparsity must lie in [0, 1); got -0.5"),
        (["--importance", "1,2"], "importance must be 3 finite numbers that are not negative"),
        (["--correlated", "0-1", "--anticorrelated", "1-2"], "no feature may be in two groups, or twice in one"),
        (["--anticorrelated", "0-1-2", "--sparsity", "0.5"], "need a sparsity of at least 1 − 1/3; got 0.5"),
        (["--initialisation", "small"], "--initialisation must be xavier for --data independent; got small"),
        (["--data", "uniform"], "--batch is for --data independent; got --data uniform"),
    ):
        assert main([*line, *more, *wrong]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
