"""Does training fail more often when several entries of an example are active?

T examples of n ≥ kT features, each with k active entries, uniform on (0, 1] and scaled to norm 1, no feature active in
two of them. With w_i = x_ti v_t for the features of example t, W x_t = v_t and output i is x_ti (v_s·v_t) + b_i on
example s: so whatever X = I of size T can do, these data can do, for every k, and zero loss is always there to be
found. What changes with k is only how training gets there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.model import Parameters, gradient, loss
from relugeom.errors import ArgumentError
from relugeom.optim import AdamW, Optimiser
from relugeom.statistics import Interval, wilson_interval
from relugeom.training.recipes import check_number, check_size, check_whole, xavier

__all__ = ["Failures", "failures", "failures_by_activity"]

_ZERO = 1e-3
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Failures:
    """Of `seeds` trainings with k active entries an example, so many ended with Σ-loss above 1e-3."""

    active: int
    failures: int
    seeds: int
    interval: Interval


def failures_by_activity(
    examples: int,
    features: int,
    active: int,
    seeds: int,
    *,
    m: int = 2,
    optimiser: Optimiser | None = None,
    steps: int = 10_000,
    init_scale: float | None = None,
    seed: int = 0,
) -> Failures:
    """Train many seeds, each on data of its own, and count those that do not reach zero loss; see `failures`."""
    count = int(
        failures(
            examples,
            features,
            active,
            seeds,
            m=m,
            optimiser=optimiser,
            steps=steps,
            init_scale=init_scale,
            seed=seed,
        ).sum()
    )
    return Failures(active, count, seeds, wilson_interval(count, seeds, _LEVEL))


def failures(
    examples: int,
    features: int,
    active: int,
    seeds: int,
    *,
    m: int = 2,
    optimiser: Optimiser | None = None,
    steps: int = 10_000,
    init_scale: float | None = None,
    seed: int = 0,
) -> npt.NDArray[np.bool_]:
    """Train many seeds, each on data of its own, and say of each whether it fails to reach zero loss.

    Parameters
    ----------
    examples, features, active : int
        T, n and k.
    seeds, m, steps, seed : int
    optimiser : AdamW or SGD, optional
        Default: Adam at 0.001.
    init_scale : float, optional
        Deviation of normal initialisations. Default: Xavier.

    Returns
    -------
    ndarray of bool, shape (seeds,)
        Σ-loss above 1e-3 after the last step.

    Raises
    ------
    ArgumentError
        A value is out of its range, or the features are too few for every example to have its own.
    """
    sizes = {"examples": examples, "features": features, "active": active, "seeds": seeds, "m": m}
    for name, value in sizes.items():
        check_size(name, value, 1)
    check_size("steps", steps, 0)
    check_whole("seed", seed, 0)
    if init_scale is not None:
        check_number("init_scale", init_scale)
    if not 1 <= active * examples <= features:
        raise ArgumentError(f"features must be at least active × examples = {active * examples}; got {features}")
    X, W = np.zeros((seeds, examples, features)), np.empty((seeds, m, features))
    for s, child in enumerate(np.random.SeedSequence(seed).spawn(seeds)):
        rng = np.random.default_rng(child)
        support = rng.permutation(features)[: active * examples].reshape(examples, active)
        X[s, np.arange(examples)[:, None], support] = 1 - rng.random((examples, active))
        W[s] = xavier(rng, m, features) if init_scale is None else init_scale * rng.standard_normal((m, features))
    X /= np.linalg.norm(X, axis=2, keepdims=True)
    theta = np.concatenate([W, np.zeros((seeds, 1, features))], axis=1)
    state = (optimiser or AdamW(1e-3)).start(theta)
    model = Parameters(theta[:, :m], theta[:, m])
    for _ in range(steps):
        slope = gradient(model, X)
        state.step(theta, np.concatenate([slope.W, np.asarray(slope.b)[:, None]], axis=1))
    return np.asarray(examples * np.asarray(loss(model, X)) > _ZERO)
