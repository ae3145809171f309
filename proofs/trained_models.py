"""What training finds, counted over seeds: the post's guesses about optimisation failure.

Each row trains models, looks at every one, and gives the part of them that has the property, with its interval. Recipes
are stated in the rows, since other optimisers, learning rates and starts give other figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from relugeom import (
    SGD,
    AdamW,
    Axial,
    AxialTraining,
    Outcome,
    Parameters,
    Sample,
    Verdict,
    conjecture,
    kind,
    loss,
    train_many,
)
from relugeom.studies.activity import failures

__all__: list[str] = []

SEPARABILITY = 'Post, "Question 1: Does the Optimization Failure solution pursue linear separability?"'
ACTIVITY = 'Post, "ReLU: Free Dimensions, Somewhat": several active entries "may be the cause"'
FREE = "; X = I, m = 2, n = 8, gradient descent at 0.1 for 8,000 steps from Xavier starts"

ZERO = 1e-3  # of the loss summed over the examples


def failed(seed: int, trials: int) -> Iterator[Parameters]:
    """As many trained models with n = 8 that did not reach zero loss, in float64."""
    data, first = Axial(8), 0
    training = AxialTraining(data, optimiser=SGD(0.1), steps=8_000)
    while trials > 0:
        found = train_many(training, trials, seed=seed, first=first)
        W, b = (np.asarray(part, np.float64) for part in found)
        stuck = np.flatnonzero(8 * np.asarray(loss(Parameters(W, b), data)) > ZERO)
        yield from (Parameters(W[s], b[s]) for s in stuck)
        first, trials = first + trials, trials - len(stuck)


@conjecture(
    "How often a model that training leaves above zero loss has all of its features linearly separable: some bias "
    "isolates each, w_i·w_j < ‖w_j‖² for all i ≠ j",
    source=SEPARABILITY,
    expected=Verdict.MEASURED,
)
def failures_are_separable() -> Outcome:
    """How often separability survives where reconstruction fails; `bias-exists` is the yardstick.

    Two features that share a direction, or one that is null, end it: with w_j = 0 no bias isolates j.
    """

    def draw(seed: int, trials: int) -> Iterable[bool]:
        for model in failed(seed, trials):
            yield all(kind(model).separable)

    return Sample("P(all separable | not at zero loss)" + FREE, draw, 200)


@conjecture(
    "How often a model that training leaves above zero loss has its features on one circle or two (radii within 2 %)",
    source='Post, "A Different Approach: Observing Training Process": discrete groups of different radii',
    expected=Verdict.MEASURED,
)
def failures_lie_on_two_circles() -> Outcome:
    """Null features have no radius and are left out."""

    def draw(seed: int, trials: int) -> Iterable[bool]:
        for model in failed(seed, trials):
            yield len(kind(model, null_tolerance=1e-3).radii) <= 2

    return Sample("P(one or two circles | not at zero loss)" + FREE, draw, 200)


def activity(active: int) -> Outcome:
    """The rate of failure with so many active entries an example."""

    def draw(seed: int, trials: int) -> Iterable[bool]:
        return failures(7, 35, active, trials, optimiser=AdamW(3e-3), steps=3_000, seed=seed)

    recipe = "seven examples of 35 features, m = 2, none in two examples, Adam at 0.003 for 3,000 steps, Xavier starts"
    return Sample(f"P(loss above 0.001); {recipe}", draw, 100)


@conjecture(
    "How often training fails on unit-norm examples of one active entry each",
    source=ACTIVITY,
    expected=Verdict.MEASURED,
)
def failure_with_one_active_entry() -> Outcome:
    """Zero loss exists whatever the number of active entries, as long as no two examples share a feature."""
    return activity(1)


@conjecture(
    "How often training fails on unit-norm examples of two active entries each",
    source=ACTIVITY,
    expected=Verdict.MEASURED,
)
def failure_with_two_active_entries() -> Outcome:
    """The same recipe as `failure-with-one-active-entry`."""
    return activity(2)


@conjecture(
    "How often training fails on unit-norm examples of five active entries each",
    source=ACTIVITY,
    expected=Verdict.MEASURED,
)
def failure_with_five_active_entries() -> Outcome:
    """The same recipe as `failure-with-one-active-entry`."""
    return activity(5)


def untied(
    seed: int, models: int, n: int, steps: int, learning_rate: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """W (B, 2, n) and M (B, n, 2) after Adam on X = I from Xavier starts of both.

    z = MW + b, R = (2/n)(ReLU(z) − I)[z > 0]; ∂L/∂M = R Wᵀ, ∂L/∂W = Mᵀ R, ∂L/∂b = R 1.
    """
    limit = np.sqrt(6 / (2 + n))
    W, MT = np.random.default_rng(seed).uniform(-limit, limit, (2, models, 2, n))
    theta = np.concatenate([W, MT, np.zeros((models, 1, n))], axis=1)
    state = AdamW(learning_rate).start(theta)
    for _ in range(steps):
        W, M, b = theta[:, :2], theta[:, 2:4].swapaxes(1, 2), theta[:, 4, :, None]
        z = M @ W + b
        R = 2 / n * (np.maximum(z, 0) - np.eye(n)) * (z > 0)
        slope = [M.swapaxes(1, 2) @ R, (R @ W.swapaxes(1, 2)).swapaxes(1, 2), R.sum(axis=2)[:, None]]
        state.step(theta, np.concatenate(slope, axis=1))
    return theta[:, :2], theta[:, 2:4].swapaxes(1, 2)


@conjecture(
    "How often every row of M points where the matching column of W does, within 30°, in a trained untied model "
    "ReLU(MWx + b)",
    source='Post, "The role of W", note on M: the rows of M are the features',
    expected=Verdict.MEASURED,
)
def untied_rows_follow_the_columns() -> Outcome:
    """Rows of M are the normals of the zones (`clipped-edge-normal`); this asks whether W learns the same directions.

    MW does not change under W → AW, M → MA⁻¹ for any invertible A: nothing in the loss says which A, only the start
    and the path from there.
    """

    def draw(seed: int, trials: int) -> Iterable[bool]:
        W, M = untied(seed, trials, 6, 4_000, 3e-3)
        cosine = np.sum(W.swapaxes(1, 2) * M, axis=2)
        cosine /= np.linalg.norm(W, axis=1) * np.linalg.norm(M, axis=2)
        aligned: NDArray[np.bool_] = (cosine > np.cos(np.pi / 6)).all(axis=1)
        return aligned

    return Sample("P(all six within 30°); X = I, m = 2, n = 6, Adam at 0.003 for 4,000 steps, Xavier starts", draw, 200)
