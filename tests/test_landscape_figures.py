"""The pictures of the landscape show the numbers they are given."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from relugeom.figures import DARK, LIGHT
from relugeom.figures.counts import shares
from relugeom.figures.landscape import chaos, columns, course, natures_over_n
from relugeom.studies.censuses import Count
from relugeom.studies.traces import Trace


def test_columns_are_drawn_where_they_point() -> None:
    turns = np.arange(3) / 3
    triangle = np.stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)])
    collapsed = np.zeros((2, 3))
    figure = columns(
        [("triangle", triangle), None, ("collapsed", collapsed), ("twice", 2 * triangle), ("last", triangle)]
    )
    assert [ax.get_title() for ax in figure.axes] == ["triangle", "", "collapsed", "twice", "last", "", "", ""]
    assert [ax.get_visible() for ax in figure.axes] == [True, False, True, True, True, False, False, False]
    heads = [text.xy for text in figure.axes[0].texts if getattr(text, "arrow_patch", None) is not None]
    np.testing.assert_array_equal(sorted(heads), sorted(map(tuple, triangle.T)))
    assert {text.get_text() for text in figure.axes[0].texts} >= {"$w_{0}$", "$w_{1}$", "$w_{2}$"}
    circle = np.asarray(figure.axes[3].lines[-1].get_xydata())
    np.testing.assert_allclose(np.hypot(*circle.T), 2)
    assert figure.axes[0].get_xlim() == pytest.approx((-1.35, 1.35))
    figure.savefig(BytesIO())


def test_a_course_shows_the_loss_its_parts_and_the_norms() -> None:
    rng = np.random.default_rng(0)
    moments, n = 6, 4
    parts = rng.random((moments, n))
    W = rng.normal(size=(moments, 2, n))
    record = Trace(
        steps=np.arange(moments) * 10, W=W, b=rng.normal(size=(moments, n)), loss=parts.sum(axis=1),
        gradient_norm=rng.random(moments), feature_loss=parts, on=np.ones((moments, n), bool),
        circles=np.ones(moments, np.int64),
    )  # fmt: skip
    above, norms, biases = course(record).axes
    labels = [line.get_label() for line in above.lines[: n + 1]]
    assert labels == ["axis 0", "axis 1", "axis 2", "axis 3", "all axes"]
    for i in range(n):
        np.testing.assert_array_equal(above.lines[i].get_ydata(), parts[:, i])
        np.testing.assert_allclose(norms.lines[i].get_ydata(), np.hypot(W[:, 0, i], W[:, 1, i]))
        np.testing.assert_array_equal(biases.lines[i].get_ydata(), record.b[:, i])
        assert above.lines[i].get_color() == LIGHT.feature(i)
    np.testing.assert_array_equal(above.lines[n].get_ydata(), record.loss)
    np.testing.assert_array_equal(above.lines[n].get_xdata(), record.steps)


def test_shares_of_natures_add_up_to_bars_that_end_at_a_hundred() -> None:
    found = {5: [("global minimum", 1.0)], 8: [("saddle", 0.5), ("global minimum", 0.2), ("saddle", 0.3)]}
    (axes,) = natures_over_n(found, DARK).axes
    bars = {(bar.get_x(), bar.get_width()) for bar in axes.patches if bar.get_width()}
    assert {(round(x), round(width)) for x, width in bars} == {(0, 100), (0, 20), (20, 80)}
    assert axes.patches[0].get_facecolor()[:3] == to_rgb(DARK.good)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["n = 5", "n = 8"]


def test_counts_stand_where_they_are_with_their_intervals() -> None:
    count = Count(30, 40, (0.6, 0.9))
    (axes,) = shares([("n = 4", {"zero loss": count}), ("n = 5", {"zero loss": Count(0, 40, (0.0, 0.1))})], "%").axes
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [75, 0])
    spans = sorted((line[0][0], line[1][0]) for line in axes.collections[0].get_segments())
    np.testing.assert_allclose(spans, [(0, 10), (60, 90)])


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
