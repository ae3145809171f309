"""The least loss of a linear model: attained, and not passed by descent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from relugeom.autoencoder import Independent
from relugeom.autoencoder.linear import covariance, least_linear_loss
from relugeom.errors import ArgumentError

LAWS = [
    Independent(4, 0.3, importance=[0.5, 2.0, 1.0, 0.1]),
    Independent(4, 0.8, values="one"),
    Independent(5, 0.7, correlated=[(0, 1)], anticorrelated=[(2, 3)]),
    Independent(5, 0.7, correlated=[(0, 1), (2, 3)], values="one"),
]


@pytest.mark.parametrize("law", LAWS)
def test_covariance_is_that_of_the_sets(law: Independent) -> None:
    """C from P(A): E x_i x_j is a moment of the values times the probability that both are active."""
    sets = np.array([[k >> i & 1 for i in range(law.n)] for k in range(2**law.n)], dtype=bool)
    P = law.probabilities(sets)
    first, second = (1, 1) if law.values == "one" else (0.5, 1 / 3)
    mean = P @ sets * first
    moments = np.einsum("s,si,sj->ij", P, sets, sets) * first**2
    np.fill_diagonal(moments, P @ sets * second)
    assert covariance(law) == pytest.approx(moments - np.outer(mean, mean), abs=1e-15)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("m", [1])
def test_descent_reaches_the_least_loss_and_does_not_pass_it(law: Independent, m: int) -> None:
    C, least = covariance(law), least_linear_loss(law, m)

    def value(flat: np.ndarray) -> float:
        W = flat.reshape(m, law.n)
        gap = np.eye(law.n) - W.T @ W
        return float(law.weights @ np.einsum("ij,jk,ik->i", gap, C, gap))

    rng = np.random.default_rng(0)
    found = [minimize(value, rng.standard_normal(m * law.n), tol=1e-7).fun for _ in range(2)]
    assert min(found) == pytest.approx(least, abs=1e-6)


def test_nothing_is_lost_with_room_for_all() -> None:
    assert least_linear_loss(LAWS[0], 4) == 0
    with pytest.raises(ArgumentError, match="equal"):
        least_linear_loss(Independent(3, 0.7, importance=[1, 1, 2], correlated=[(0, 1)]), 1)
    with pytest.raises(ArgumentError, match="m must be positive"):
        least_linear_loss(LAWS[0], 0)
