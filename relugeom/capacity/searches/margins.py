"""Margins by linear programming (HiGHS): the best decoder for an encoder, and the best encoder for a decoder.

With signs y = ±1 for the wanted outputs at inputs x,

    row i:       max s   subject to   y_ti (r·Wx_t + b) ≥ s for all t,             |r_a| ≤ 1
    encoder:     max s   subject to   y_ti (R_i·Wx_t + b_i) ≥ s for all t and i,   |W_aj| ≤ 1

Both always have a solution (s = 0), so the float solver cannot be wrong about feasibility; whether the margin that it
reports is truly positive is decided elsewhere, exactly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["RowMargin", "alternating_margin", "row_margin"]

Array = npt.NDArray[np.float64]

_ROUNDS = 6


class RowMargin(NamedTuple):
    """The best margin s of one output, and the row that has it."""

    margin: float
    r: Array
    b: float


def row_margin(codes: Array, signs: Array, *, bias: bool) -> RowMargin:
    """The row with the largest margin.

    Parameters
    ----------
    codes : ndarray, shape (T, m)
        The encoded inputs Wx.
    signs : ndarray, shape (T,)
        +1 where the output must be positive, −1 where it must not.
    bias : bool
        Whether b may differ from 0.
    """
    T, m = codes.shape
    A = np.hstack([-signs[:, None] * codes, -signs[:, None] * bias, np.ones((T, 1))])
    solution = _maximise_last(A, [(-1.0, 1.0)] * m + [(None, None) if bias else (0.0, 0.0), (0.0, None)])
    return RowMargin(float(solution[-1]), solution[:m], float(solution[m]))


def alternating_margin(W: Array, X: Array, *, bias: bool) -> tuple[Array, Array, Array]:
    """Rows and encoder in turn, until the margin stops growing.

    Parameters
    ----------
    W : ndarray, shape (m, n)
        Where to start.
    X : ndarray, shape (T, n)
        The 0/1 inputs.
    bias : bool
        Whether b may differ from 0.

    Returns
    -------
    W, R, b : ndarrays, shapes (m, n), (n, m), (n,)
    """
    m, n = W.shape
    T = len(X)
    Y = 2 * X - 1
    W = W / np.abs(W).max()
    best = 0.0
    for _ in range(_ROUNDS):
        rows = [row_margin(X @ W.T, Y[:, i], bias=bias) for i in range(n)]
        R, b = np.stack([row.r for row in rows]), np.array([row.b for row in rows])
        # y_ti Σ_aj R_ia W_aj x_tj + y_ti b_i ≥ s, with the unknowns W (row by row), b, s.
        outer = -np.einsum("ti,ia,tj->tiaj", Y, R, X).reshape(T * n, m * n)
        picks = -(Y[:, :, None] * np.eye(n)).reshape(T * n, n)
        A = np.hstack([outer, picks, np.ones((T * n, 1))])
        free = (None, None) if bias else (0.0, 0.0)
        solution = _maximise_last(A, [(-1.0, 1.0)] * (m * n) + [free] * n + [(0.0, None)])
        W, b = solution[: m * n].reshape(m, n), solution[m * n : -1]
        if solution[-1] <= best * (1 + 1e-6):
            break
        best = float(solution[-1])
    return W, R, b


def _maximise_last(A: Array, bounds: list[tuple[float | None, float | None]]) -> Array:
    """The solution of max u_last subject to A u ≤ 0 and the bounds; u = 0 where the solver gives up."""
    from scipy.optimize import linprog

    objective = np.zeros(A.shape[1])
    objective[-1] = -1.0
    answer: Any = linprog(objective, A_ub=A, b_ub=np.zeros(len(A)), bounds=bounds, method="highs")
    return np.zeros(A.shape[1]) if answer.x is None else np.asarray(answer.x)
