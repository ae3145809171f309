"""From where training stopped to the critical point: batched damped Newton with the Hessian written by hand.

Every seed has its own damping λ. A step solves (H + λI) p = −∇L, at first without the part of H that can be
negative (Gauss and Newton, Levenberg and Marquardt), near the end with all of it, and is taken if it lowers the
loss. How λ changes is Nielsen's rule. With the gain

    ρ = (L(x) − L(x + p)) / (½ (λ‖p‖² − ∇L·p)),      what the step lowered over what the model of it promised,

a step that is taken makes λ smaller by the factor max(1/3, 1 − (2ρ − 1)³), one that is not makes it larger by 2, then
4, 8, ... . Where rounding hides the change of the loss, the gradient decides. Rotations need no care: ∇L is
orthogonal to them.

Newton's method also likes saddles. A point with negative curvature gets an *escape*: a step along the lowest
eigenvector to the better side, and Newton again. On a kink the eigenvalues are those of one side only, so there, and
where that step finds nothing lower, the point is shaken instead: if Newton's method then comes to something lower,
that counts as an escape, and else nothing has happened. How many each seed took is reported, since an escape leads
away from what the optimiser found.

Not every seed has a critical point to go to. On X = I some valleys go on falling: a few features grow, at the rate of
the square root of the number of steps, and the loss has a limit that it does not reach
(`relugeom.landscape.families.valley`).
A seed whose longest feature still grew in the second half of its steps is said to be drifting.

K. Madsen, H. B. Nielsen and O. Tingleff, *Methods for Non-Linear Least Squares Problems*, 2nd ed., 2004, section 3.2.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.axial import AxialData
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import (
    DataSet,
    Parameters,
    as_data,
    flatten,
    gradient,
    hessian,
    kink_distance,
    loss,
    unflatten,
)
from relugeom.autoencoder.parameters import check_arrays
from relugeom.errors import ArgumentError
from relugeom.landscape.second_order import Batch, BatchArrays, evaluate, newton_system

__all__ = ["Polished", "Status", "polish"]

Floats = npt.NDArray[np.float64]

_FAR = 20.0  # a feature longer than this, without convergence, is on its way to infinity
_LONG, _GROWTH = 4.0, 1.05  # and so is one longer than 4 that grew by a twentieth in the second half of the iterations
_SHAKE = 1e-3  # times a standard normal number a coordinate
_NOTHING = 1e-15  # a loss that needs no escape
_HOPELESS = 1e8  # a damping that allows no step worth taking
_NEAR = 1e-5  # gradients below this are near enough for the whole Hessian
_NEAR_KINK = 1e-7
_NUMBERS = 1_000_000  # in the sums of the Hessians of independent features that are computed together
_FLAT = 1e-8  # of the largest curvature: eigenvalues within ± this part count as zero


class Status(IntEnum):
    """How the polishing of a seed ended, and what to make of it."""

    SMOOTH = 0
    """The gradient vanishes and no pre-activation is 0: derivatives there mean what they say."""
    KINK = 1
    """The gradient vanishes where the second derivative jumps; ask for a one-sided analysis."""
    DRIFTING = 2
    """The gradient does not vanish, and the longest feature is beyond 20, or beyond 4 and still growing (by a
    twentieth in the second half of the iterations): perhaps a minimum at infinity."""
    UNCONVERGED = 3
    """None of these within the iterations allowed; train longer or allow more."""


@dataclass(frozen=True, slots=True, eq=False)
class Polished:
    """Models at (or near) critical points, one entry per seed.

    Attributes
    ----------
    W : ndarray, shape (B, m, n)
    b : ndarray, shape (B, n), or None for models without a bias
    loss, gradient_norm, kink_distance : ndarray, shape (B,)
    least_curvature : ndarray, shape (B,)
        Lowest eigenvalue of the Hessian.
    escapes, iterations : ndarray of int, shape (B,)
    status : ndarray of int, shape (B,)
        Values of `Status`.
    decoder : ndarray, shape (B, n, m), or None for tied models
    """

    W: Floats
    b: Floats | None
    loss: Floats
    gradient_norm: Floats
    kink_distance: Floats
    least_curvature: Floats
    escapes: npt.NDArray[np.int64]
    iterations: npt.NDArray[np.int64]
    status: npt.NDArray[np.int64]
    decoder: Floats | None = None

    def model(self, s: int) -> Parameters:
        """The model of seed s."""
        return Parameters(
            self.W[s],
            None if self.b is None else self.b[s],
            None if self.decoder is None else self.decoder[s],
        )


class _Layout(NamedTuple):
    """How flat vectors become models."""

    m: int
    n: int
    untied: bool

    def model(self, x: Floats) -> Parameters:
        return unflatten(x, self.m, self.n, untied=self.untied)


@dataclass(slots=True)
class _Plain(BatchArrays):
    """Models at which the loss and its slope are known, for data without a fast form."""

    x: Floats
    loss: Floats
    slope: Floats


class _Landscape(NamedTuple):
    """A loss as Newton's method sees it: what is known at points, and the system to solve there."""

    data: DataSet
    layout: _Layout
    fast: bool

    def evaluate(self, x: Floats) -> Batch | _Plain:
        if self.fast:
            assert isinstance(self.data, AxialData)
            return evaluate(x, self.data, self.layout.m)
        model = self.layout.model(x)
        return _Plain(x, np.array(loss(model, self.data)), np.array(flatten(gradient(model, self.data))))

    def system(self, at: Any, whole: npt.NDArray[np.bool_], damping: Floats, memory: Floats) -> Floats:
        """H + λI; with the fast form, far away, without the part of H that can be negative."""
        if self.fast:
            return newton_system(at, self.layout.m, whole.astype(float), damping, memory)
        A = memory[: len(at.x)]
        # One at a time where every Hessian is a batch of directions.
        size = max(1, _NUMBERS // (self.data.states * self.data.n**3)) if isinstance(self.data, Independent) else 1
        for first in range(0, len(at.x), size):
            some = slice(first, first + size) if size > 1 else first
            A[some] = hessian(self.layout.model(at.x[some]), self.data)
        A.reshape(len(A), -1)[:, :: A.shape[1] + 1] += damping[:, None]
        return A


def polish(
    parameters: Parameters,
    data: DataSet | Any,
    *,
    tolerance: float = 1e-12,
    iterations: int = 300,
    escapes: int = 3,
) -> Polished:
    """Bring a batch of models to critical points of the loss.

    Parameters
    ----------
    parameters : Parameters
        A batch: W, shape (B, m, n), and b, shape (B, n), or None; and a decoder, shape (B, n, m), if untied.
    data : array, shape (T, n), or DataSet
        Tied models with a bias on data on the axes have a fast form; everything else goes through the Hessian.
    tolerance : float
        Of the gradient's Euclidean norm.
    iterations : int
        Newton steps, accepted or not, before each escape and after the last.
    escapes : int
        How often a seed may leave a point with negative curvature or on a kink; 0 stays with what is nearest.

    Returns
    -------
    Polished
        The models where polishing stopped, with their status, loss, gradient norm and steps.

    Raises
    ------
    ArgumentError
        The models are no batch, or have another number of features than the data.

    See Also
    --------
    relugeom.landscape.kind, relugeom.landscape.nature, relugeom.inspection.inspect
    """
    data = as_data(data)
    at = check_arrays(parameters)
    W, b = (np.asarray(to_numpy(part), np.float64) for part in (at.W, at.b))
    if W.ndim != 3 or b.ndim != (2 if at.biased else 1):
        raise ArgumentError(f"parameters must be a batch W (B, m, n), b (B, n); got {W.shape} and {b.shape}")
    if W.shape[2] != data.n:
        raise ArgumentError(f"W must have n = {data.n} columns for this data set; got {W.shape}")
    layout = _Layout(W.shape[1], W.shape[2], not at.tied)
    landscape = _Landscape(data, layout, fast=isinstance(data, AxialData) and at.tied and at.biased)
    x = np.array(to_numpy(flatten(parameters)), np.float64)
    finite: npt.NDArray[np.bool_] = np.asarray(np.isfinite(x).all(axis=1))
    spent, escaped = np.zeros(len(x), np.int64), np.zeros(len(x), np.int64)
    least, grew = np.full(len(x), np.nan), ~finite

    todo = np.flatnonzero(finite)
    start: Floats = x[todo]
    value: Floats = np.full(len(x), np.inf)
    for round_ in range(escapes + 1):
        if not len(todo):
            break
        reached, used, growing = _newton(start, landscape, tolerance, iterations)
        spent[todo] += used
        now = loss(layout.model(reached), data)
        lower = now < value[todo] - 1e-10 * (1 + now)
        todo, reached = todo[lower], reached[lower]
        x[todo], value[todo], grew[todo] = reached, now[lower], growing[lower]
        escaped[todo] += round_ > 0
        model = layout.model(reached)
        values, vectors = np.linalg.eigh(hessian(model, data))
        least[todo] = values[:, 0]
        bent = values[:, 0] < -_FLAT * np.maximum(np.abs(values).max(axis=1), 1)
        kinked = (kink_distance(model, data) <= _NEAR_KINK) & (value[todo] > _NOTHING)
        todo, reached, vectors = (part[bent | kinked] for part in (todo, reached, vectors))
        if round_ < escapes:
            start = _escape(reached, value[todo], vectors[:, :, 0], landscape, round_)

    model = layout.model(x)
    with np.errstate(over="ignore", invalid="ignore"):
        norm = np.linalg.norm(flatten(gradient(model, data)), axis=1)
        distance, value = kink_distance(model, data), loss(model, data)
        far = grew | ~(_longest(x, layout) < _FAR)
    converged = norm <= tolerance
    status = np.select(
        [converged & (distance > _NEAR_KINK), converged, far],
        [Status.SMOOTH, Status.KINK, Status.DRIFTING],
        Status.UNCONVERGED,
    )
    return Polished(
        model.W, model.b, value, norm, distance, least, escaped, spent, status.astype(np.int64), model.decoder
    )


def _newton(
    x: Floats, landscape: _Landscape, tolerance: float, iterations: int
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Damped Newton from each row of x: the points reached, the iterations used, and which were still growing."""
    layout = landscape.layout
    reached, used, growing = x.copy(), np.zeros(len(x), np.int64), np.zeros(len(x), bool)
    at = landscape.evaluate(x.copy())
    size = np.linalg.norm(at.slope, axis=1)
    damping, raising = np.minimum(size, 1.0), np.full(len(x), 2.0)
    seeds, length = np.arange(len(x)), _longest(x, layout)
    memory = np.empty((len(x), x.shape[1], x.shape[1]))
    for iteration in range(iterations + 1):
        live = (size > tolerance) & (damping < _HOPELESS) & (iteration < iterations)
        if not live.all():
            done, now = seeds[~live], _longest(at.x[~live], layout)
            reached[done], used[done] = at.x[~live], iteration
            growing[done] = (iteration == iterations) & (now > _LONG) & (now > _GROWTH * length[~live])
            at.keep(live)
            seeds, size, damping, raising, length = (part[live] for part in (seeds, size, damping, raising, length))
        if not len(seeds):
            break
        if iteration == iterations // 2:
            length = _longest(at.x, layout)
        # Far away the part of H that can be negative misleads; Gauss and Newton leave it out.
        whole = (size <= _NEAR) | (iteration >= iterations // 2)
        p = _solve(landscape.system(at, whole, damping, memory), -at.slope)
        trial = landscape.evaluate(at.x + p)
        trial_size = np.linalg.norm(trial.slope, axis=1)
        along = np.sum(p * at.slope, axis=1)
        lowered, promised = at.loss - trial.loss, (damping * np.sum(p * p, axis=1) - along) / 2
        rounding = 1e-14 * (1 + at.loss)
        lower = lowered > rounding
        taken = (along < 0) & (lower | ((lowered >= -rounding) & (trial_size < size)))
        gain = np.clip(lowered / np.where(promised > 0, promised, 1.0), -1.0, 2.0)
        smaller = np.where(lower, np.maximum(1 / 3, 1 - (2 * gain - 1) ** 3), 1 / 3)
        damping = np.where(taken, np.maximum(damping * smaller, 1e-13), np.maximum(damping, 1e-8) * raising)
        raising = np.where(taken, 2.0, 2 * raising)
        size = np.where(taken, trial_size, size)
        at.replace(taken, trial)
    return reached, used, growing


def _longest(x: Floats, layout: _Layout) -> Floats:
    """The norm of the longest feature of each model."""
    m, n = layout.m, layout.n
    return np.asarray(np.linalg.norm(x[:, : m * n].reshape(-1, m, n), axis=1).max(axis=1))


def _solve(A: Floats, right: Floats) -> Floats:
    """A⁻¹ right for every seed; no step, which raises the damping, where rounding has made A singular."""
    try:
        return np.asarray(np.linalg.solve(A, right[..., None])[..., 0])
    except np.linalg.LinAlgError:
        steps = np.zeros_like(right)
        for step, matrix, side in zip(steps, A, right, strict=True):
            with contextlib.suppress(np.linalg.LinAlgError):
                step[:] = np.linalg.solve(matrix, side)
        return steps


def _escape(x: Floats, now: Floats, v: Floats, landscape: _Landscape, number: int) -> Floats:
    """The lowest of x ± t v over a few lengths t where that is lower than x, whose loss is `now`; else x, shaken."""
    lengths = np.array([s * t for t in (0.3, 0.1, 0.03, 0.01, 1e-3) for s in (-1, 1)])
    trials = x[:, None, :] + lengths[None, :, None] * v[:, None, :]
    values = np.asarray(loss(landscape.layout.model(trials), landscape.data))
    best = np.argmin(values, axis=1)
    rows = np.arange(len(x))
    lower = values[rows, best] < now - 1e-14 * (1 + now)
    # The same for every seed, so that no seed depends on which others there are.
    shaken = x + _SHAKE * np.random.default_rng(number).standard_normal(x.shape[1])
    return np.where(lower[:, None], trials[rows, best], shaken)
