"""The pictures of the landscape show the numbers they are given."""

from __future__ import annotations

from io import BytesIO

import numpy as np

from relugeom.figures.landscape import chaos, columns, course
from relugeom.studies.traces import Trace


def test_columns_are_drawn_where_they_point() -> None:
    turns = np.arange(3) / 3
    triangle = np.stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)])
    collapsed = np.zeros((2, 3))
    figure = columns(
        [("triangle", triangle), None, ("collapsed", collapsed), ("twice", 2 * triangle), ("last", triangle)]
    )
    assert [ax.get_title() for ax in figure.axes] == ["triangle", "", "collapsed", "twice", "last", "", "", ""]
    dots = figure.axes[0].lines[-1]
    np.testing.assert_array_equal(dots.get_xydata(), triangle.T)
    circle = np.asarray(figure.axes[3].lines[0].get_xydata())
    np.testing.assert_allclose(np.hypot(*circle.T), 2)
    assert figure.axes[0].get_xlim() == (-1.15, 1.15)
    figure.savefig(BytesIO())


def test_a_course_shows_the_loss_its_parts_and_the_norms() -> None:
    rng = np.random.default_rng(0)
    moments, n = 6, 4
    parts = rng.random((moments, n))
    W = rng.normal(size=(moments, 2, n))
    record = Trace(
        steps=np.arange(moments) * 10, W=W, b=rng.normal(size=(moments, n)), loss=parts.sum(axis=1),
        gradient_norm=rng.random(moments), feature_loss=parts, alive=np.ones((moments, n), bool),
        circles=np.ones(moments, np.int64),
    )  # fmt: skip
    above, below = course(record).axes
    assert [line.get_label() for line in above.lines] == ["axis 0", "axis 1", "axis 2", "axis 3", "all"]
    for i in range(n):
        np.testing.assert_array_equal(above.lines[i].get_ydata(), parts[:, i])
        np.testing.assert_allclose(below.lines[i].get_ydata(), np.hypot(W[:, 0, i], W[:, 1, i]))
    np.testing.assert_array_equal(above.lines[-1].get_ydata(), record.loss)
    np.testing.assert_array_equal(above.lines[-1].get_xdata(), record.steps)


def test_a_chaos_map_has_the_values_at_rates_and_perturbations() -> None:
    values = np.arange(12.0).reshape(3, 4)
    rates, perturbations = np.array([0.1, 0.2, 0.4]), np.array([-0.1, 0.0, 0.1, 0.2])
    ax, bar = chaos(values, rates, perturbations).axes
    np.testing.assert_array_equal(np.asarray(ax.collections[0].get_array()).reshape(3, 4), values)
    assert (ax.get_yscale(), ax.get_xlabel(), ax.get_ylabel(), bar.get_ylabel()) == (
        "log", "perturbation of two biases", "learning rate", "sum of norms",
    )  # fmt: skip
    low, high = ax.get_xlim()
    assert low < -0.1 < 0.2 < high
