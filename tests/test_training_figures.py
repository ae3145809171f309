"""The pictures of runs and sweeps show the numbers of these."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from relugeom.figures import LIGHT
from relugeom.figures.training import dimensionality_scatter, loss_curves, pictures_of_run, run_over_time, vectors
from relugeom.optim import AdamW
from relugeom.training.configuration import Configuration
from relugeom.training.loop import train

SMALL = Configuration(T=4, n=10, S=0.7, steps=30, warmup=3, optimiser=AdamW(1e-2, weight_decay=1e-2), dtype="float64")


def test_a_run_is_drawn_over_its_steps_with_a_curve_for_each_feature() -> None:
    run = train(SMALL)
    loss, slope, dead, norms, biases = run_over_time(run).axes
    for axes, name in ((loss, "loss"), (slope, "gradient_norm"), (dead, "dead_features")):
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), run.trajectory.column(name))
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), run.trajectory.column("step"))
    first = run.trajectory.snapshots[0].reshape(3, 10)
    np.testing.assert_allclose([line.get_ydata()[0] for line in norms.lines], np.hypot(first[0], first[1]))
    np.testing.assert_allclose([line.get_ydata()[0] for line in biases.lines], first[2])
    assert [line.get_color() for line in norms.lines] == [LIGHT.feature(i) for i in range(10)]
    assert len(run_over_time(train(SMALL, snapshots=False)).axes) == 3


def test_of_many_features_the_spread_is_drawn() -> None:
    run = train(replace(SMALL, n=50, S=0.95, steps=5, warmup=0))
    norms = run_over_time(run).axes[3]
    W = run.trajectory.snapshots[0].reshape(3, 50)[:2]
    assert len(norms.lines) == 1
    assert norms.lines[0].get_ydata()[0] == np.median(np.hypot(*W))


def test_the_pictures_of_a_run_are_those_its_model_allows() -> None:
    assert set(pictures_of_run(train(SMALL))) == {
        "run", "vectors", "regions", "gram", "interference", "dimensionality",
    }  # fmt: skip
    deep = pictures_of_run(train(replace(SMALL, m=3, n=5, steps=1, warmup=0)))
    assert set(deep) == {"run", "space", "gram", "interference", "dimensionality"}


def test_the_vectors_of_one_size_stand_side_by_side_and_of_several_in_columns() -> None:
    rng = np.random.default_rng(0)
    panels = [(T, rng.normal(size=(T, 2)), rng.normal(size=(2, 7))) for T in (3, 5)]
    one = vectors(panels[:1])
    assert [axes.get_title() for axes in one.axes] == ["latent vectors $Wx$ of 3 examples", "the 7 columns of $W$"]
    both = [axes for axes in vectors(panels).axes if axes.get_visible()]
    assert [axes.get_title() for axes in both] == ["T = 3", "T = 5", "", ""]
    np.testing.assert_array_equal(both[1].collections[0].get_offsets(), panels[1][1])
    np.testing.assert_array_equal(both[3].collections[0].get_offsets(), panels[1][2].T)


def test_curves_over_the_sizes_leave_out_what_is_not_there() -> None:
    (axes,) = loss_curves([3, 10], [0.5, None], [1.1, 0.9]).axes
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [(3, 0.5)])
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), [(3, 1.1), (10, 0.9)])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["3", "10"]
    (scatter,) = dimensionality_scatter([(4, np.array([0.5, 0.25]), np.array([0.1, 0.0]))]).axes
    assert sorted(len(dots.get_offsets()) for dots in scatter.collections) == [1, 2]
