"""Features sorted into polytopes: constructed ones, side by side in a space turned at random."""

from __future__ import annotations

import numpy as np
import pytest

from relugeom.autoencoder.polytopes import interference_components, polytopes
from relugeom.errors import ArgumentError


def polygon(k: int) -> np.ndarray:
    turn = 2 * np.pi * np.arange(k) / k
    return np.stack([np.cos(turn), np.sin(turn)])


def antiprism() -> np.ndarray:
    """Two squares, one turned by 45°, at the heights ±1/√3 at which the eight points share space evenly."""
    turn = np.pi / 2 * np.arange(4)
    squares = []
    for shift, height in ((0, 3**-0.5), (np.pi / 4, -(3**-0.5))):
        around = (2 / 3) ** 0.5 * np.stack([np.cos(turn + shift), np.sin(turn + shift)])
        squares.append(np.concatenate([around, np.full((1, 4), height)]))
    return np.concatenate(squares, axis=1)


PARTS = {
    "own dimension": np.ones((1, 1)),
    "digon": np.array([[1.0, -1.0]]),
    "triangle": polygon(3),
    "tetrahedron": np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / np.sqrt(3),
    "pentagon": polygon(5),
    "square antiprism": antiprism(),
}


def beside_each_other(parts: list[np.ndarray]) -> np.ndarray:
    """Their direct sum."""
    W = np.zeros((sum(p.shape[0] for p in parts), sum(p.shape[1] for p in parts)))
    row = column = 0
    for part in parts:
        W[row : row + part.shape[0], column : column + part.shape[1]] = part
        row, column = row + part.shape[0], column + part.shape[1]
    return W


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_constructed_polytopes_are_found(noise: float) -> None:
    rng = np.random.default_rng(3)
    W = beside_each_other([*PARTS.values(), np.zeros((0, 2))])
    turned = np.linalg.qr(rng.standard_normal((len(W), len(W))))[0] @ W
    order = rng.permutation(W.shape[1])
    found = polytopes((turned + noise * rng.standard_normal(W.shape))[:, order])
    assert sorted(p.name for p in found) == sorted(PARTS)
    for polytope in found:
        part = PARTS[polytope.name]
        assert (polytope.dimensions, len(polytope.features)) == part.shape
        starts = np.cumsum([0, *(p.shape[1] for p in PARTS.values())])
        place = list(PARTS).index(polytope.name)
        assert set(order[list(polytope.features)]) == set(range(starts[place], starts[place + 1]))
        assert polytope.dimensionality == pytest.approx(part.shape[0] / part.shape[1], abs=0.05 if noise else 1e-12)


def test_what_has_no_name_is_counted() -> None:
    assert [p.name for p in polytopes(polygon(7))] == ["7 in 2"]
    assert polytopes(0.4 * polygon(5)) == []


def test_a_small_overlap_is_no_interference() -> None:
    W = np.array([[1.0, 0.1, 0.0], [0.0, 1.0, 0.0]])
    assert interference_components(W) == [(0,), (1,), (2,)]
    assert interference_components(W, 0.05) == [(0, 1), (2,)]
    with pytest.raises(ArgumentError, match="least must be a cosine"):
        interference_components(W, 0.0)
    with pytest.raises(ArgumentError, match=r"W must have shape \(m, n\)"):
        interference_components(W[0])
