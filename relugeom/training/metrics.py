"""What a trained model looks like, in numbers.

The quantities are those of `relugeom.autoencoder.geometry`, of the latent vectors h_t = W x_t and of the decoder's
directions (Henighan et al., 2023).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.spatial import ConvexHull, QhullError

from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.geometry import dimensionality, maximal_dimensionality
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.choice import choose_engine, make_engine

__all__ = [
    "Metrics",
    "active_fraction",
    "dead_outputs",
    "latent_vectors",
    "measure",
]

Array = npt.NDArray[Any]

_SAMPLE = 256  # examples that stand for all where a figure would cost T n
_SAME_CIRCLE = 0.05  # radii that follow each other more closely than this part of the largest share a circle
_REGULAR = 0.1  # how far gaps and radii may be from equal in what is called a polygon


def latent_vectors(examples: SparseExamples, W: Array) -> Array:
    """H = X Wᵀ, shape (T, m), float64."""
    X = csr_array((examples.values, examples.indices, examples.indptr), shape=(examples.T, examples.n))
    return np.asarray(X @ np.ascontiguousarray(W.T, dtype=np.float64))


def dead_outputs(H: Array, D: Array, b: Array) -> int:
    """How many outputs are dead: max_t (d_j·h_t + b_j) < 0, D (m, n).

    A linear function is largest at a vertex of the convex hull, so the hull's few vertices stand for all examples.
    """
    H = H.astype(np.float64)
    if H.shape[1] in (2, 3) and len(H) > 32:
        with contextlib.suppress(QhullError):  # latent vectors on a line or in a point: look at all of them
            H = H[ConvexHull(H).vertices]
    largest = np.full(len(b), -np.inf)
    for rows in np.array_split(H, -(-len(H) // _SAMPLE)):
        np.maximum(largest, (rows @ D).max(axis=0) + b, out=largest)
    return int(np.count_nonzero(largest < 0))


def active_fraction(H: Array, D: Array, b: Array) -> float:
    """Part of the (example, feature) pairs with z > 0, over at most 256 evenly spaced examples."""
    rows = H[np.linspace(0, len(H) - 1, min(len(H), _SAMPLE)).astype(int)]
    return float(np.mean(rows @ D + b > 0))


@dataclass(frozen=True, slots=True)
class Metrics:
    """A trained model in numbers.

    Attributes
    ----------
    loss, test_loss : float
        Training loss; loss on fresh examples of the same law (None when there is no law).
    example_dimensionality : float
        Median D over the examples.
    example_dimensionality_max : float
        Median D*.
    feature_dimensionality : float
        Median D over the n decoder directions.
    norm_weights, norm_biases, norm_latent : float
        Frobenius norm of W, norm of b, mean ‖h_t‖.
    circles : int
        Groups of latent-vector lengths that follow each other within 5 % of the longest.
    gap_min, gap_max : float or None
        Smallest and largest angle between neighbouring latent vectors, in units of the regular 2π/T (m = 2).
    radius_ratio : float
        Longest over shortest latent vector (infinite when one vanishes: None).
    polygon : bool
        Gaps and radii equal within 10 %: a regular T-gon.
    dead : int
        Dead outputs: z_j < 0 on every training example.
    active : float
        Part of the pairs with z > 0.
    """

    loss: float
    test_loss: float | None
    example_dimensionality: float
    example_dimensionality_max: float
    feature_dimensionality: float
    norm_weights: float
    norm_biases: float
    norm_latent: float
    circles: int
    gap_min: float | None
    gap_max: float | None
    radius_ratio: float | None
    polygon: bool
    dead: int
    active: float


def measure(examples: SparseExamples, model: Parameters, test: SparseExamples | None = None) -> Metrics:
    """Measure a model with a bias on its training examples and, if given, on test examples."""
    W, b = model.W, np.asarray(model.b)
    H = latent_vectors(examples, W)
    D = W if model.tied else np.asarray(model.decoder).T
    radii = np.sort(np.linalg.norm(H, axis=1))
    gaps = _relative_gaps(H) if H.shape[1] == 2 and len(H) > 2 else None
    ratio = float(radii[-1] / radii[0]) if radii[0] > 0 else None
    regular = gaps is not None and ratio is not None and ratio < 1 + _REGULAR
    return Metrics(
        loss=_loss(examples, model),
        test_loss=None if test is None else _loss(test, model),
        example_dimensionality=float(np.median(dimensionality(H))),
        example_dimensionality_max=float(np.median(maximal_dimensionality(H.T))),
        feature_dimensionality=float(np.median(dimensionality(D.T.astype(np.float64)))),
        norm_weights=float(np.linalg.norm(W.astype(np.float64))),
        norm_biases=float(np.linalg.norm(b.astype(np.float64))),
        norm_latent=float(radii.mean()),
        circles=1 + int(np.count_nonzero(np.diff(radii) > _SAME_CIRCLE * radii[-1])),
        gap_min=None if gaps is None else float(gaps[0]),
        gap_max=None if gaps is None else float(gaps[-1]),
        radius_ratio=ratio,
        polygon=bool(regular and gaps is not None and gaps[0] > 1 - _REGULAR and gaps[-1] < 1 + _REGULAR),
        dead=dead_outputs(H, D, b),
        active=active_fraction(H, D, b),
    )


def _relative_gaps(H: Array) -> Array:
    angles = np.sort(np.arctan2(H[:, 1], H[:, 0]))
    gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
    return np.sort(gaps) * len(H) / (2 * np.pi)


def _loss(examples: SparseExamples, model: Parameters) -> float:
    """L in float64: the engines form it from sums that cancel near 0, so float32 would leave 1e-7 of noise."""
    exact = replace(examples, values=examples.values.astype(np.float64))
    engine = make_engine(exact, choose_engine(exact.T, exact.n, len(model.W), np.float64, once=True))
    return max(engine.value_and_gradient(Parameters(*(part.astype(np.float64) for part in model)))[0], 0.0)
