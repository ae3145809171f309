"""What did a model find: which features are represented, null, dead, duplicated or crowded, on how many circles?

Where minima form a continuum (zero loss on X = I) models of one family differ, and `Kind.type`, these counts in one
line, is what to group by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.axial import Axial
from relugeom.autoencoder.geometry import angular_gaps, circles
from relugeom.autoencoder.model import (
    DataSet,
    Parameters,
    as_data,
    dead_features,
    null_features,
    silent_features,
    untouched_features,
)
from relugeom.autoencoder.parameters import check_arrays
from relugeom.errors import ArgumentError
from relugeom.records import Records

__all__ = ["Kind", "kind"]

Floats = npt.NDArray[np.float64]

_SAME = 1e-3  # duplicated: distance of two columns, as a part of their norm
_CIRCLE = 0.02  # radii linked by steps below this part of the largest are one circle
_BLOCK = 512  # inputs looked at together
_OFF = 1e-3  # pre-activations below this count as off


@dataclass(frozen=True, slots=True, eq=False)
class Kind(Records):
    """A trained model in words and numbers.

    Attributes
    ----------
    represented : tuple of int
        Features whose own response at a = 1 is positive and the largest on their axis, and that are none of the next.
    clean : tuple of int
        Those of them whose axis switches on nothing else, but for null features' constants.
    null : tuple of int
        w_j = 0, within `null_tolerance`.
    dead : tuple of int
        z_j < 0 on every example: no gradient reaches the output.
    silent : tuple of int
        x'_j = 0 on every example that has j.
    untouched : tuple of int
        No example has j.
    duplicated : tuple of int
        Equal to another feature that is not null.
    crowded : tuple of int
        All others: on their axis another output is larger, or nothing is on.
    radii : tuple of float
        Mean radii of the circles of features that are not null, from the innermost.
    gaps : tuple of float
        For m = 2: angles between neighbours among them, in degrees, sorted.
    slack : float
        min r_i·(w_i − w_j) − 1 over features that are not null: ≥ 0 where zero loss is possible for them on X = I.
    separable : tuple of bool
        For every feature: whether some bias isolates it, r_j·w_i < r_j·w_j for all i.
    tolerance, null_tolerance, circle_tolerance : float
        The ones used.
    type : str
        One line for grouping. It counts each feature once: as duplicated, dead, null, represented or crowded, the first
        that holds.
    """

    represented: tuple[int, ...]
    clean: tuple[int, ...]
    null: tuple[int, ...]
    dead: tuple[int, ...]
    silent: tuple[int, ...]
    untouched: tuple[int, ...]
    duplicated: tuple[int, ...]
    crowded: tuple[int, ...]
    radii: tuple[float, ...]
    gaps: tuple[float, ...]
    slack: float
    separable: tuple[bool, ...]
    tolerance: float
    null_tolerance: float
    circle_tolerance: float
    type: str

    def records(self) -> list[dict[str, Any]]:
        """A row for each set of features, and one for the radii."""
        sets = ("represented", "clean", "null", "dead", "silent", "untouched", "duplicated", "crowded")
        rows = [{"features": name, "which": ", ".join(map(str, getattr(self, name)))} for name in sets]
        return [*rows, {"features": "radii", "which": ", ".join(f"{radius:.6g}" for radius in self.radii)}]

    def caption(self) -> str:
        """The type."""
        return self.type


def kind(
    parameters: Parameters,
    data: DataSet | Any = None,
    *,
    tolerance: float = _OFF,
    null_tolerance: float | None = None,
    circle_tolerance: float | None = None,
) -> Kind:
    """Describe one model.

    Parameters
    ----------
    parameters : Parameters
        One model, tied or not, with a bias or without.
    data : array, shape (T, n), or DataSet, optional
        What dead, silent and untouched refer to. Default: X = I. Everything else is about the axes, a = 1.
    tolerance : float
        Pre-activations below this count as off: training approaches an exact zero from above.
    null_tolerance : float, optional
        Norms up to this count as 0. Default: a hundredth of the largest.
    circle_tolerance : float, optional
        Norms linked by steps of at most this are one circle. Default: a fiftieth of the largest.

    Returns
    -------
    Kind

    See Also
    --------
    relugeom.landscape.polish, relugeom.landscape.nature, relugeom.inspection.inspect
    relugeom.autoencoder.kink_distance

    Examples
    --------
    >>> kind(Parameters([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])).type
    '4 represented; 1 circle'
    """
    at = check_arrays(parameters)
    if at.W.ndim != 2 or at.b.ndim != 1 or at.D.ndim != 2:
        raise ArgumentError(f"parameters must be one model, W (m, n); got W of shape {tuple(at.W.shape)}")
    W, b, D = (np.asarray(to_numpy(part), np.float64) for part in (at.W, at.b, at.D))
    n = W.shape[1]
    if not (np.isfinite(W).all() and np.isfinite(b).all() and np.isfinite(D).all()):
        return _nothing(n, tolerance)
    model = Parameters(W, b, None if at.tied else D.T)
    examples = Axial(n) if data is None else as_data(data)
    norms = np.linalg.norm(W, axis=0)
    largest = float(norms.max())
    null_tolerance = largest / 100 if null_tolerance is None else null_tolerance
    circle_tolerance = _CIRCLE * largest if circle_tolerance is None else circle_tolerance
    null = np.asarray(null_features(model, tolerance=null_tolerance))
    dead = np.asarray(to_numpy(dead_features(model, examples)))
    seen = _responses(W, b, D, ~null, tolerance, _SAME * norms)
    doubled = seen.twin & ~null
    represented = seen.first & ~null & ~dead & ~doubled
    clean = represented & (seen.on == 1)
    live = ~null
    labels = {
        "represented": represented,
        "null": null & ~dead,
        "dead": dead & ~doubled,
        "duplicated": doubled,
        "crowded": ~(represented | null | dead | doubled),
    }
    radii: tuple[float, ...] = ()
    gaps: tuple[float, ...] = ()
    slack = np.inf
    if live.any():
        found = circles(W[:, live], circle_tolerance)
        radii = tuple(sorted({round(float(r), 12) for r in found.radii}))
        if W.shape[0] == 2:
            gaps = tuple(np.sort(np.degrees(angular_gaps(W[:, live]))).tolist())
        slack = seen.slack
    counts = [f"{int(mask.sum())} {name}" for name, mask in labels.items() if mask.any()]
    text = ", ".join(counts) + (f"; {len(radii)} circle{'s' * (len(radii) > 1)}" if radii else "")
    sets = labels | {
        "null": null,
        "dead": dead,
        "clean": clean,
        "silent": np.asarray(to_numpy(silent_features(model, examples))),
        "untouched": np.asarray(to_numpy(untouched_features(examples))),
    }
    members = {name: tuple(np.flatnonzero(mask).tolist()) for name, mask in sets.items()}
    return Kind(
        **members,
        radii=radii,
        gaps=gaps,
        slack=slack,
        separable=tuple(seen.isolated.tolist()),
        tolerance=tolerance,
        null_tolerance=null_tolerance,
        circle_tolerance=circle_tolerance,
        type=text,
    )


def _nothing(n: int, tolerance: float) -> Kind:
    """What there is to say of numbers that are not finite."""
    names = ("represented", "clean", "null", "dead", "silent", "untouched", "duplicated", "crowded", "radii", "gaps")
    nan = float("nan")
    return Kind(
        **dict.fromkeys(names, ()),
        slack=nan,
        separable=(False,) * n,
        tolerance=tolerance,
        null_tolerance=nan,
        circle_tolerance=nan,
        type="no finite numbers",
    )


class _Seen(NamedTuple):
    """What the n × n responses say of every feature, each of shape (n,).

    Attributes
    ----------
    first : whether its own output is on and the largest on its axis.
    on : how many outputs that are not null its axis switches on.
    twin : whether another column is as good as equal.
    isolated : whether r_j·w_i < r_j·w_j for all i ≠ j, so that some bias leaves only input j on.
    slack : min r_j·(w_j − w_i) − 1 over i ≠ j that are not null; ∞ where there are no two; one number.
    """

    first: Any
    on: Any
    twin: Any
    isolated: Any
    slack: float


def _responses(W: Floats, b: Floats, D: Floats, live: Any, tolerance: float, close: Floats) -> _Seen:
    """Go through the responses r_j·w_i + b_j a block of inputs i at a time, so that many features fit in memory."""
    n = W.shape[1]
    own, others, rivals = np.empty(n), np.full(n, -np.inf), np.full(n, -np.inf)
    first, on = np.empty(n, bool), np.empty(n, np.int64)
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, n))
        at = (np.arange(len(rows)), rows)
        A = np.array(W[:, rows].T, copy=True) @ D  # a copy, as in `gram`
        Z = A + b
        own[rows] = A[at]
        first[rows] = (Z[at] > tolerance) & (Z.argmax(axis=1) == rows)
        on[rows] = (Z[:, live] > tolerance).sum(axis=1)
        A[at] = -np.inf
        np.maximum(others, A.max(axis=0), out=others)
        np.maximum(rivals, A[live[rows]].max(axis=0, initial=-np.inf), out=rivals)
    slack = float((own - rivals - 1)[live].min(initial=np.inf))
    return _Seen(first, on, _nearest(W) < close, others < own, slack)


def _nearest(W: Floats) -> Floats:
    """How far the nearest other column is from each; ∞ for a single one."""
    from scipy.spatial import KDTree

    if W.shape[1] == 1:
        return np.full(1, np.inf)
    distances, _ = KDTree(W.T).query(W.T, k=2)
    return np.asarray(distances[:, 1])
