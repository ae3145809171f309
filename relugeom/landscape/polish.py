"""From where training stopped to the critical point: batched damped Newton with the Hessian written by hand.

Every seed has its own damping λ. A step solves (H + λI) p = −∇L, at first without the part of H that can be
negative (Gauss and Newton, Levenberg and Marquardt), near the end with all of it, and is taken if it lowers the
loss; then λ shrinks, and never stays above ‖∇L‖, so the last steps are Newton's. A rejected step raises λ. Where
rounding hides the change of the loss, the gradient decides. Rotations need no care: ∇L is orthogonal to them.

Newton's method also likes saddles. A point with negative curvature gets an *escape*: a step along the lowest
eigenvector to the better side, and Newton again. How many each seed took is reported, since an escape may lead
away from what the optimiser found.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import AxialData
from relugeom.autoencoder.model import Parameters, flatten, gradient, gram, hessian, kink_distance, loss, unflatten
from relugeom.errors import ArgumentError

__all__ = ["Polished", "Status", "polish"]

Floats = npt.NDArray[np.float64]

_FAR = 20.0  # a column longer than this, without convergence, is on its way to infinity
_NEAR = 1e-5  # gradients below this are near enough for the whole Hessian
_NEAR_KINK = 1e-7
_FLAT = 1e-8  # of the largest curvature: eigenvalues within ± this part count as zero


class Status(IntEnum):
    """How the polishing of a seed ended, and what to make of it."""

    SMOOTH = 0
    """The gradient vanishes and no pre-activation is 0: derivatives there mean what they say."""
    KINK = 1
    """The gradient vanishes where the second derivative jumps; ask for a one-sided analysis."""
    DRIFTING = 2
    """The gradient does not vanish and a feature has grown beyond 20: perhaps a minimum at infinity."""
    UNCONVERGED = 3
    """None of these within the iterations allowed; train longer or allow more."""


@dataclass(frozen=True, slots=True, eq=False)
class Polished:
    """Models at (or near) critical points, one entry a seed.

    Attributes
    ----------
    W : ndarray, shape (B, m, n)
    b : ndarray, shape (B, n)
    loss, gradient_norm, kink_distance : ndarray, shape (B,)
    least_curvature : ndarray, shape (B,)
        Lowest eigenvalue of the Hessian.
    escapes, iterations : ndarray of int, shape (B,)
    status : ndarray of int, shape (B,)
        Values of `Status`.
    """

    W: Floats
    b: Floats
    loss: Floats
    gradient_norm: Floats
    kink_distance: Floats
    least_curvature: Floats
    escapes: npt.NDArray[np.int64]
    iterations: npt.NDArray[np.int64]
    status: npt.NDArray[np.int64]


def polish(
    parameters: Parameters,
    data: AxialData,
    *,
    tolerance: float = 1e-12,
    iterations: int = 300,
    escapes: int = 3,
) -> Polished:
    """Bring a batch of models to critical points of the loss.

    Parameters
    ----------
    parameters : Parameters
        W, shape (B, m, n), and b, shape (B, n).
    data : DataSet
    tolerance : float
        Of the gradient's Euclidean norm.
    iterations : int
        Newton steps, accepted or not, before each escape and after the last.
    escapes : int
        How often a seed may leave a point with negative curvature; 0 stays with what is nearest.

    Raises
    ------
    ArgumentError
        The models are no batch, or have no bias.
    """
    W, b = (np.asarray(part, np.float64) for part in parameters)
    if W.ndim != 3 or b.ndim != 2:
        raise ArgumentError(f"parameters must be a batch W (B, m, n), b (B, n); got {W.shape} and {b.shape}")
    shape = W.shape[1:]
    x = np.array(flatten(Parameters(W, b)))
    finite = np.isfinite(x).all(axis=1)
    spent, escaped = np.zeros(len(x), np.int64), np.zeros(len(x), np.int64)
    least = np.full(len(x), np.nan)

    todo = np.flatnonzero(finite)
    for round_ in range(escapes + 1):
        if not len(todo):
            break
        x[todo], used = _newton(x[todo], data, shape, tolerance, iterations)
        spent[todo] += used
        values, vectors = np.linalg.eigh(hessian(unflatten(x[todo], *shape), data))
        least[todo] = values[:, 0]
        bent = values[:, 0] < -_FLAT * np.maximum(np.abs(values).max(axis=1), 1)
        if round_ == escapes:
            break
        moved, better = _escape(x[todo[bent]], vectors[bent, :, 0], data, shape)
        todo = todo[bent][better]
        x[todo] = moved[better]
        escaped[todo] += 1

    model = unflatten(x, *shape)
    with np.errstate(over="ignore", invalid="ignore"):
        norm = np.linalg.norm(flatten(gradient(model, data)), axis=1)
        distance, value = kink_distance(model, data), loss(model, data)
        far = ~(np.linalg.norm(model.W, axis=1).max(axis=1) < _FAR)
    converged = norm <= tolerance
    status = np.select(
        [converged & (distance > _NEAR_KINK), converged, far],
        [Status.SMOOTH, Status.KINK, Status.DRIFTING],
        Status.UNCONVERGED,
    )
    return Polished(model.W, np.asarray(model.b), value, norm, distance, least, escaped, spent, status.astype(np.int64))


def _newton(
    x: Floats, data: AxialData, shape: tuple[int, int], tolerance: float, iterations: int
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Damped Newton from each row of x; the points reached and the iterations used."""
    x = x.copy()
    used = np.zeros(len(x), np.int64)
    f, g = _value_and_slope(x, data, shape)
    H, indefinite = _curvature(x, data, shape)
    damping = np.minimum(np.linalg.norm(g, axis=1), 1.0)
    eye = np.eye(x.shape[1])
    live = np.flatnonzero(np.linalg.norm(g, axis=1) > tolerance)
    for iteration in range(iterations):
        if not len(live):
            break
        used[live] += 1
        # Far away the part of H that can be negative misleads; Gauss and Newton leave it out.
        far = (np.linalg.norm(g[live], axis=1) > _NEAR) & (iteration < iterations // 5)
        A = H[live] - far[:, None, None] * indefinite[live] + damping[live, None, None] * eye
        p = _solve(A, -g[live])
        trial = x[live] + p
        f_new, g_new = _value_and_slope(trial, data, shape)
        downhill = np.sum(p * g[live], axis=1) < 0
        size, size_new = np.linalg.norm(g[live], axis=1), np.linalg.norm(g_new, axis=1)
        rounding = 1e-14 * (1 + f[live])
        lower = f_new < f[live] - rounding
        settled = (f_new <= f[live] + rounding) & (size_new < size)
        accept = downhill & (lower | settled)
        taken, refused = live[accept], live[~accept]
        x[taken], f[taken], g[taken] = trial[accept], f_new[accept], g_new[accept]
        H[taken], indefinite[taken] = _curvature(x[taken], data, shape)
        damping[taken] = np.maximum(np.minimum(damping[taken] / 5, size_new[accept]), 1e-13)
        damping[refused] = np.maximum(damping[refused], 1e-8) * 10
        size[accept] = size_new[accept]
        live = live[(size > tolerance) & (damping[live] < 1e8)]
    return x, used


def _solve(A: Floats, right: Floats) -> Floats:
    """A⁻¹ right for every seed, with a little more damping where rounding makes some A singular."""
    try:
        return np.asarray(np.linalg.solve(A, right[..., None])[..., 0])
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.solve(A + 1e-9 * np.eye(A.shape[-1]), right[..., None])[..., 0])


def _escape(x: Floats, v: Floats, data: AxialData, shape: tuple[int, int]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The lowest of x ± t v over a few lengths t, and whether it is lower than x."""
    lengths = np.array([s * t for t in (0.3, 0.1, 0.03, 0.01, 1e-3) for s in (-1, 1)])
    trials = x[:, None, :] + lengths[None, :, None] * v[:, None, :]
    values = loss(unflatten(trials, *shape), data)
    best = np.argmin(values, axis=1)
    rows = np.arange(len(x))
    now = loss(unflatten(x, *shape), data)
    return trials[rows, best], values[rows, best] < now - 1e-14 * (1 + now)


def _curvature(x: Floats, data: AxialData, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """The Hessian, and the part of it that comes from d²g = 2 v·v: I ⊗ (Φ_g + Φ_gᵀ) on W, 0 on b."""
    m, n = shape
    model = unflatten(x, m, n)
    slopes = data.pair_slopes(np, gram(model.W), np.asarray(model.b)[:, None, :], np.eye(n))[0] / n
    R = slopes + slopes.swapaxes(1, 2)
    part = np.zeros((len(x), m * n + n, m * n + n))
    for a in range(m):
        part[:, a * n : (a + 1) * n, a * n : (a + 1) * n] = R
    return np.array(hessian(model, data)), part


def _value_and_slope(x: Floats, data: AxialData, shape: tuple[int, int]) -> tuple[Any, Any]:
    model = unflatten(x, *shape)
    return loss(model, data), flatten(gradient(model, data))
