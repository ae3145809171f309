"""What kind of critical point is it, and which points are the same but for rotation, reflection and renaming?

`invariants` maps a model to a vector that does not change under W → QW with Q orthogonal, nor under renaming the
features; `groups` puts equal vectors together. Where minima form a continuum (zero loss on X = I) vectors
differ within one family, and `Kind.type` — the counts of represented, null, dead and duplicated features and of
circles — is what to group by.

`inertia` counts curvatures, leaving out those that rotation makes zero. On a kink there is no Hessian; `one_sided`
examines instead, for directions d, the limit q(d) of (L(θ + td) − L(θ))/(t²/2), t ↓ 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import Axial, AxialData
from relugeom.autoencoder.criterion import zero_loss_test
from relugeom.autoencoder.geometry import angular_gaps, circles
from relugeom.autoencoder.model import Parameters, gram, hessian, kink_distance
from relugeom.errors import ArgumentError, KinkError

__all__ = ["Inertia", "Kind", "OneSided", "groups", "inertia", "invariants", "kind", "one_sided"]

Floats = npt.NDArray[np.float64]

_LOST = 1e-3  # norms below this count as 0
_SAME = 1e-3  # duplicated: distance of two columns, as a part of their norm
_CIRCLE = 0.02  # radii linked by steps below this part of the largest are one circle


class Inertia(NamedTuple):
    """How many curvatures are positive, negative and zero, those of rotation not counted."""

    positive: int
    negative: int
    zero: int


class OneSided(NamedTuple):
    """What the second-order analysis at a kink found.

    Attributes
    ----------
    verdict : {"minimum", "saddle", "flat", "undecided"}
        "minimum": q > 0 in every direction but those of rotation, by a bound. "saddle": a direction with q < 0 is
        known. "flat": q ≥ 0 by a bound, with zeros beyond rotation. "undecided": no negative direction was found,
        and no bound holds.
    least : float
        The least q(d) found over unit d orthogonal to rotation.
    direction : ndarray, shape (mn + n,)
        Where.
    kinks : int
        How many pairs are on a kink.
    """

    verdict: Literal["minimum", "saddle", "flat", "undecided"]
    least: float
    direction: Floats
    kinks: int


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A trained model in words and numbers.

    Attributes
    ----------
    represented : tuple of int
        Features whose own response at a = 1 is positive and the largest on their axis.
    clean : tuple of int
        Those of them whose axis switches on nothing else, but for null features' constants.
    null : tuple of int
        w ≈ 0 and b > 0: the output is a constant.
    dead : tuple of int
        The output is 0 for every example.
    duplicated : tuple of int
        Equal to another feature that is not lost.
    crowded : tuple of int
        All others: on their axis another output is larger, or nothing is on.
    radii : tuple of float
        Mean radii of the circles of features that are not lost, from the innermost.
    gaps : tuple of float
        For m = 2: angles between neighbours among them, in degrees, sorted.
    slack : float
        min w_i·(w_i − w_j) − 1 over features not lost: ≥ 0 where zero loss is possible for them on X = I.
    separable : tuple of bool
        For every feature: whether some bias isolates it, w_i·w_j < ‖w_j‖² for all i.
    type : str
        All of that in one line, for grouping.
    """

    represented: tuple[int, ...]
    clean: tuple[int, ...]
    null: tuple[int, ...]
    dead: tuple[int, ...]
    duplicated: tuple[int, ...]
    crowded: tuple[int, ...]
    radii: tuple[float, ...]
    gaps: tuple[float, ...]
    slack: float
    separable: tuple[bool, ...]
    type: str


def kind(parameters: Parameters, *, tolerance: float = 1e-3) -> Kind:
    """Describe one model.

    Parameters
    ----------
    parameters : Parameters
        W, shape (m, n), and b, shape (n,).
    tolerance : float
        Pre-activations below this count as off: training approaches an exact zero from above.
    """
    W, b = np.asarray(parameters.W, np.float64), np.asarray(parameters.b, np.float64)
    if W.ndim != 2:
        raise ArgumentError(f"parameters must be one model, W (m, n); got W of shape {W.shape}")
    n = W.shape[1]
    if not (np.isfinite(W).all() and np.isfinite(b).all()):
        nothing = dict.fromkeys(("represented", "clean", "null", "dead", "duplicated", "crowded"), ())
        return Kind(**nothing, radii=(), gaps=(), slack=np.nan, separable=(False,) * n, type="no finite numbers")
    G = gram(W)
    Z = G + b  # input i, output j
    norms = np.sqrt(np.diag(G))
    lost = norms < _LOST
    silent = ~(Z > 0).any(axis=0) & ~((b > 0) & lost)
    distance = np.linalg.norm(W[:, :, None] - W[:, None, :], axis=0)
    twin = (distance < _SAME * norms[:, None]) & ~np.eye(n, dtype=bool)
    doubled = twin.any(axis=1) & ~lost
    null = lost & (b > 0)
    first = (Z.diagonal() > tolerance) & (Z.argmax(axis=1) == np.arange(n))
    represented = first & ~null & ~silent & ~doubled
    clean = represented & ((Z[:, ~null] > tolerance).sum(axis=1) == 1)
    live = ~lost
    labels = {
        "represented": represented,
        "null": null,
        "dead": silent & ~doubled,
        "duplicated": doubled,
        "crowded": ~(represented | null | silent | doubled),
    }
    radii: tuple[float, ...] = ()
    gaps: tuple[float, ...] = ()
    slack = np.inf
    if live.any():
        found = circles(W[:, live], _CIRCLE * norms.max())
        radii = tuple(sorted({round(float(r), 12) for r in found.radii}))
        if W.shape[0] == 2:
            gaps = tuple(np.sort(np.degrees(angular_gaps(W[:, live]))).tolist())
        slack = float(zero_loss_test(W[:, live]).slack.min()) if live.sum() > 1 else np.inf
    counts = [f"{int(mask.sum())} {name}" for name, mask in labels.items() if mask.any()]
    text = ", ".join(counts) + (f"; {len(radii)} circle{'s' * (len(radii) > 1)}" if radii else "")
    members = {name: tuple(np.flatnonzero(mask).tolist()) for name, mask in (labels | {"clean": clean}).items()}
    separable = tuple(np.asarray(_isolated(G)).tolist())
    return Kind(**members, radii=radii, gaps=gaps, slack=slack, separable=separable, type=text)


def _isolated(G: Floats) -> npt.NDArray[np.bool_]:
    """w_i·w_j < ‖w_j‖² for all i ≠ j, output by output: that some bias leaves only input j on."""
    others = G - np.diag(np.full(len(G), np.inf))
    return np.asarray(others.max(axis=0) < np.diag(G))


def invariants(parameters: Parameters) -> Floats:
    """Numbers that rotation, reflection and renaming of the features leave alone.

    Sorted: the biases, the squared norms, all g_ij (i < j), and all g_ij + b_j (i ≠ j), which tie the biases to
    the features.

    Parameters
    ----------
    parameters : Parameters
        W, shape (..., m, n), and b, shape (..., n).

    Returns
    -------
    ndarray, shape (..., 2n + 3n(n − 1)/2)
    """
    W, b = np.asarray(parameters.W, np.float64), np.asarray(parameters.b, np.float64)
    G = np.asarray(gram(W))
    n = W.shape[-1]
    upper, off = np.triu_indices(n, 1), np.nonzero(~np.eye(n, dtype=bool))
    parts = [
        b,
        G[..., range(n), range(n)],
        G[..., upper[0], upper[1]],
        (G + b[..., None, :])[..., off[0], off[1]],
    ]
    return np.concatenate([np.sort(part, axis=-1) for part in parts], axis=-1)


def groups(vectors: Floats, tolerance: float = 1e-6) -> npt.NDArray[np.int64]:
    """Number the rows so that rows within `tolerance` of a group's first row share its number.

    Groups are numbered by size, largest first.

    Parameters
    ----------
    vectors : ndarray, shape (B, k)
    tolerance : float
        Of the largest difference of two entries.

    Returns
    -------
    ndarray of int, shape (B,)
    """
    label = np.full(len(vectors), -1, np.int64)
    count = 0
    for row in range(len(vectors)):
        if label[row] < 0:
            rest = np.flatnonzero(label < 0)
            label[rest[np.abs(vectors[rest] - vectors[row]).max(axis=1) <= tolerance]] = count
            label[row] = count  # also a row with nan, which equals nothing
            count += 1
    sizes = np.bincount(label, minlength=count)
    rank = np.empty(count, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(count)
    return rank[label]


def rotations(W: Floats) -> Floats:
    """An orthonormal basis of the directions (AW, 0), A antisymmetric, in which rotation moves the model.

    Returns
    -------
    ndarray, shape (r, mn + n)
        r = m(m − 1)/2 where W has rank at least m − 1.
    """
    m, n = W.shape
    moves = []
    for a in range(m):
        for c in range(a):
            V = np.zeros((m, n))
            V[a], V[c] = W[c], -W[a]
            moves.append(np.concatenate([V.ravel(), np.zeros(n)]))
    if not moves:
        return np.zeros((0, m * n + n))
    _, sizes, basis = np.linalg.svd(np.array(moves), full_matrices=False)
    return np.asarray(basis[sizes > 1e-9 * max(1.0, float(sizes.max(initial=0)))])


def _across(W: Floats) -> Floats:
    """An orthonormal basis, in columns, of the directions orthogonal to rotation."""
    turns = rotations(W)
    _, _, full = np.linalg.svd(turns) if len(turns) else (0, 0, np.eye(W.size + W.shape[1]))
    return np.asarray(full[len(turns) :]).T


def inertia(parameters: Parameters, data: AxialData, *, tolerance: float = 1e-8) -> Inertia:
    """Count the curvatures of the loss at one model, on the space orthogonal to rotation.

    Raises
    ------
    KinkError
        The model is on a kink, where the Hessian means nothing; see `one_sided`.
    """
    if not float(kink_distance(parameters, data)) > 1e-9:
        raise KinkError("the model is on a kink of the ReLU, where there is no Hessian; expected a smooth point")
    Q = _across(np.asarray(parameters.W))
    values = np.linalg.eigvalsh(Q.T @ hessian(parameters, data) @ Q)
    small = tolerance * max(1.0, float(np.abs(values).max()))
    return Inertia(int((values > small).sum()), int((values < -small).sum()), int((np.abs(values) <= small).sum()))


def one_sided(
    parameters: Parameters, data: AxialData, *, tolerance: float = 1e-7, starts: int = 12, seed: int = 0
) -> OneSided:
    """The second-order behaviour of the loss at one stationary model that lies on kinks.

    At an off-diagonal pair with all z = 0 (a g_ij + b_j for X = I and grids; g_ij = b_j = 0 for uniform
    amplitudes) φ is C¹ and homogeneous of degree 2 to first order in the change (ġ, ḃ). So

        q(d) = dᵀH₀d + (2/n) Σ_kinks φ(ġ_ij, ḃ_j, 0),

    with H₀ the Hessian without those pairs. As φ ≥ 0, H₀ > 0 across rotation proves a minimum, and any d with
    q(d) < 0 a saddle; q is searched from many starts by descent on the sphere.

    Raises
    ------
    KinkError
        A diagonal pair is on a kink: the loss has no second-order form of this kind there.
    """
    W, b = np.asarray(parameters.W, np.float64), np.asarray(parameters.b, np.float64)
    m, n = W.shape
    kinks = _kinks(W, b, data, tolerance)
    if any((kink.i == kink.j).any() for kink in kinks):
        raise KinkError("a feature's own pre-activation is 0, where the loss is not C² from one side; no analysis")
    lowered = np.zeros((n, n))
    for kink in kinks:
        lowered[kink.i, kink.j] = 2 * tolerance
    H = np.asarray(hessian(Parameters(W, b), _Lowered(data, lowered)))
    Q = _across(W)
    lengths, vectors = np.linalg.eigh(Q.T @ H @ Q)
    small = 1e-8 * max(1.0, float(np.abs(lengths).max()))

    def q(d: Floats) -> tuple[float, Floats]:
        """q and its gradient at d."""
        V, c = d[: m * n].reshape(m, n), d[m * n :]
        value, slope_W, slope_b = d @ H @ d, np.zeros((m, n)), np.zeros(n)
        for i, j, weight, piece in kinks:
            g = np.sum(V[:, i] * W[:, j] + W[:, i] * V[:, j], axis=0)
            off = np.zeros(len(i))
            value += 2 / n * weight * float(piece.pair_loss(np, g, c[j], off).sum())
            dg, db = (2 / n * weight * slope for slope in piece.pair_slopes(np, g, c[j], off))
            np.add.at(slope_W.T, i, (dg * W[:, j]).T)
            np.add.at(slope_W.T, j, (dg * W[:, i]).T)
            np.add.at(slope_b, j, db)
        return float(value), 2 * H @ d + np.concatenate([slope_W.ravel(), slope_b])

    rng = np.random.default_rng(seed)
    tries = [*vectors.T[:4], *-vectors.T[:4], *rng.standard_normal((starts, Q.shape[1]))]
    best, where = np.inf, Q @ vectors[:, 0]
    for u in tries:
        value, d = _lowest_on_sphere(q, Q, u)
        if value < best:
            best, where = value, d
    if lengths[0] > small:
        verdict: Any = "minimum"
    elif best < -small:
        verdict = "saddle"
    elif lengths[0] >= -small:
        verdict = "flat"
    else:
        verdict = "undecided"
    return OneSided(verdict, best, where, sum(len(kink.i) for kink in kinks))


class _Kinks(NamedTuple):
    """Pairs whose output j on axis i is at 0 for the examples of `piece`, a part `weight` of the data."""

    i: npt.NDArray[np.int64]
    j: npt.NDArray[np.int64]
    weight: float
    piece: AxialData


def _kinks(W: Floats, b: Floats, data: AxialData, tolerance: float) -> list[_Kinks]:
    """The pairs on a kink; with a grid of amplitudes, for each amplitude that is."""
    G, n = np.asarray(gram(W)), len(b)
    masks: list[tuple[Any, float, AxialData]]
    if isinstance(data, Axial):
        grid = zip(data.amplitudes, data.weights or (), strict=True)
        masks = [(np.abs(a * G + b) <= tolerance, p, Axial(n, (a,))) for a, p in grid]
    else:
        masks = [(np.asarray(data.pair_kink_distance(np, G, b, np.eye(n))) <= tolerance, 1.0, data)]
    found = [(near.nonzero(), weight, piece) for near, weight, piece in masks if near.any()]
    return [_Kinks(i, j, weight, piece) for (i, j), weight, piece in found]


@dataclass(frozen=True, slots=True, eq=False)
class _Lowered(AxialData):
    """The data set with some pre-activations lowered a little, which switches pairs on a kink off."""

    data: AxialData
    shift: Floats

    @property
    def n(self) -> int:  # type: ignore[override]
        return self.data.n

    def pair_loss(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return self.data.pair_loss(xp, g, b - self.shift, delta)

    def pair_slopes(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return self.data.pair_slopes(xp, g, b - self.shift, delta)

    def pair_curvatures(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return self.data.pair_curvatures(xp, g, b - self.shift, delta)

    def pair_kink_distance(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return self.data.pair_kink_distance(xp, g, b - self.shift, delta)

    def pair_off(self, xp: Any, g: Any, b: Any) -> Any:
        return self.data.pair_off(xp, g, b - self.shift)


def _lowest_on_sphere(q: Callable[[Floats], tuple[float, Floats]], Q: Floats, u: Floats) -> tuple[float, Floats]:
    """Descend q(Qu)/‖u‖² from u; the value and the unit direction."""
    from scipy.optimize import minimize

    def quotient(u: Floats) -> tuple[float, Floats]:
        value, slope = q(Q @ u)
        square = float(u @ u)
        return value / square, (Q.T @ slope - 2 * value / square * u) / square

    u = np.asarray(minimize(quotient, u / np.linalg.norm(u), jac=True, method="L-BFGS-B").x)
    u /= np.linalg.norm(u)
    return q(Q @ u)[0], Q @ u
