"""The signature decides how many features fit: A = WᵀJW with p positive and q negative directions.

J is a symmetric matrix with p positive and q negative eigenvalues, so the question is about symmetric n × n
matrices A of that inertia or a part of it: how large can n be if A has a positive diagonal and no positive entry
off it? Without a bias the tied model has J = I, p = m and q = 0. A uniform bias −β < 0 turns WᵀW into WᵀW − β11ᵀ
and so adds one negative direction.
"""

from __future__ import annotations

from itertools import product

import sympy as sp

from relugeom import (
    Outcome,
    Proof,
    RankBound,
    Sibling,
    SignPattern,
    Step,
    Verdict,
    all_cases,
    as_matrix,
    conjecture,
    identity,
    sign,
)
from relugeom.exact.rationals import Inertia, inertia

LIMIT = 'Post, "Limit of number of Free Dimensions"'
BIAS = 'Post, "The role of b"'

u, v = sp.symbols("u v", nonnegative=True)
s, t = sp.symbols("s t", positive=True)


def _definite(short: int) -> list[Step]:
    """q = 0 and n > 2p − short contradict each other; true for short = 0."""
    g = sp.Symbol("g", real=True)
    p, more = 1 + sp.Symbol("p", integer=True, nonnegative=True), sp.Symbol("k", integer=True, nonnegative=True)
    n = 2 * p - short + 1 + more
    return [
        identity("g² + g = −(−g)(1 + g)", g**2 + g, -((-g) * (1 + g))),
        sign("which is ≤ 0 where −g ≥ 0 and 1 + g ≥ 0", -u * v, "<= 0"),
        sign(f"n²/p ≤ 2n fails for n > 2p − {short}", n**2 / p - 2 * n, "> 0"),
    ]


@conjecture(
    "If A = WᵀJW with J of inertia (p, 0) has a positive diagonal and no positive entry off it, then n ≤ 2p, and n = "
    "2p occurs for every p ≥ 1",
    source=LIMIT,
    expected=Verdict.PROVED,
)
def signature_definite() -> Outcome:
    """Scale the columns to J-norm 1: A is positive semidefinite of rank at most p with diagonal 1, so by
    Cauchy–Schwarz its other entries lie in [−1, 0] and A_ij² + A_ij ≤ 0 off the diagonal. Cauchy–Schwarz for the
    eigenvalues gives n² = (tr A)² ≤ p tr A² = p Σ A_ij², and 1ᵀA1 ≥ 0. So n²/p ≤ Σ (A_ij² + A_ij) ≤ 2n. (p = 0
    leaves no positive diagonal.) The columns ±e_k attain 2p.
    """
    pairs = [as_matrix([[(-1) ** (j % 2) * (j // 2 == k) for j in range(2 * p)] for k in range(p)]) for p in (1, 2, 5)]
    return Proof(
        _definite(0),
        Sibling("For q = 0 at most 2p − 1 features fit.", _definite(1)),
        certificates=[SignPattern(W) for W in pairs],
    )


def _lorentz(claimed: int) -> list[Step]:
    """p = 1: among claimed + 1 features two have first coordinates of one sign; true for 2."""
    sigma, tau = u, v  # Euclidean norms of the negative parts
    return [
        all_cases(
            f"{claimed + 1} signs hold two equal ones",
            lambda signs: len(set(signs)) < len(signs),
            product((-1, 1), repeat=claimed + 1),
        ),
        identity(
            "|x||y| − στ = σt + τs + st for |x| = σ + s, |y| = τ + t",
            (sigma + s) * (tau + t) - sigma * tau,
            sigma * t + tau * s + s * t,
        ),
        sign("which is positive: equal signs give a positive product", sigma * t + tau * s + s * t, "> 0"),
    ]


@conjecture(
    "If A = WᵀJW with J of inertia (1, q) has a positive diagonal and no positive entry off it, then n ≤ 2, and n = 2 "
    "occurs for every q",
    source=LIMIT + ", generalised",
    expected=Verdict.PROVED,
)
def signature_one_positive() -> Outcome:
    """By Sylvester's law choose coordinates with ⟨w, w'⟩ = xx' − y·y'. A positive diagonal says |x| > ‖y‖. By
    Cauchy–Schwarz y·y' ≤ ‖y‖‖y'‖ < |x||x'|, so ⟨w, w'⟩ has the sign of xx', which is not 0. Two of three numbers x
    have the same sign, and such a pair has a positive product. The numbers 1, −1 attain 2.
    """
    return Proof(
        _lorentz(2),
        Sibling("For p = 1 at most n = 1 feature fits.", _lorentz(1)),
        certificates=[SignPattern(as_matrix([[1, -1]]))],
    )


PARABOLA = [[1, 0, -1], [0, 2, 0], [-1, 0, 0]]


def _indefinite(claimed: Inertia, J: list[list[int]]) -> list[Step]:
    """The parabola has this inertia; true for (2, 1, 0)."""
    i, j = sp.symbols("i j", integer=True)
    below = 1 + sp.Symbol("k", integer=True, nonnegative=True)
    left, right = (sp.Matrix([1, x, x**2]) for x in (i, j))
    return [
        identity("(1, i, i²) J (1, j, j²)ᵀ = 1 − (i − j)²", (left.T * sp.Matrix(J) * right)[0], 1 - (i - j) ** 2),
        sign("at distance d = 1 + k the entry 1 − d² is not positive", 1 - below**2, "<= 0"),
        all_cases(
            f"J has {claimed.positive} positive and {claimed.negative} negative directions",
            lambda rows: inertia(as_matrix(rows)) == claimed,
            [J],
        ),
    ]


@conjecture(
    "For every p ≥ 2, q ≥ 1 and n there is an n × n matrix A = WᵀJW, J of inertia (p, q), with a positive diagonal "
    "and no positive entry off it",
    source=LIMIT + ", generalised",
    expected=Verdict.PROVED,
)
def signature_indefinite() -> Outcome:
    """The integer matrix A_ij = 1 − (i − j)² has diagonal 1 and no positive entry off it, for every n. It is WᵀJW
    with the columns (1, i, i²) and J = [[1, 0, −1], [0, 2, 0], [−1, 0, 0]] of inertia (2, 1). More directions of
    either sign can be left unused: the columns are 0 there.
    """
    n = 7
    columns = as_matrix([[j**k for j in range(n)] for k in range(3)])
    rows = as_matrix([[1 - i**2, 2 * i, -1] for i in range(n)])
    matrix = as_matrix([[1 - (i - j) ** 2 for j in range(n)] for i in range(n)])
    return Proof(
        _indefinite(Inertia(2, 1, 0), PARABOLA),
        Sibling("For p ≥ 2 and q = 0 any number fits.", _indefinite(Inertia(3, 0, 0), PARABOLA)),
        certificates=[SignPattern(columns, rows), RankBound(matrix, rows, columns)],
    )


def _uniform_bias(bias_sign: int) -> list[Step]:
    """WᵀW + b11ᵀ = [W; √β 1ᵀ]ᵀ diag(I, σ) [W; √β 1ᵀ] with σ = −1 for b = −β < 0; distinct unit columns then fit."""
    inner, largest = sp.symbols("g M", real=True)
    return [
        identity("w_i·w_j − β = w_i·w_j + σ √β √β", inner - t, inner + bias_sign * sp.sqrt(t) * sp.sqrt(t)),
        *_lorentz(2),
        identity("unit columns: 1 − u·v = ‖u − v‖²/2", 1 - inner, (1 - 2 * inner + 1) / 2),
        sign("so 1 − M = δ²/2 > 0, the diagonal at β = M", t**2 / 2, "> 0"),
        sign("and no entry M − u off it is positive", (largest - u) - largest, "<= 0"),
    ]


@conjecture(
    "A tied model with a uniform bias −β < 0 has WᵀW − β11ᵀ = W'ᵀ diag(I_m, −1) W': signature (m, 1). So at most n "
    "= 2 features fit at m = 1, and any n at m ≥ 2, for suitable β",
    source=BIAS,
    expected=Verdict.PROVED,
)
def bias_adds_a_negative_direction() -> Outcome:
    """Append to every column the entry √β with sign −1 in J. For m = 1 that is p = 1, and at most two features fit.
    For m ≥ 2 take n distinct unit columns whose largest product M is positive (nearly equal ones, say) and β = M <
    1: the diagonal is 1 − M > 0 and the rest is at most 0.
    """
    return Proof(
        _uniform_bias(-1), Sibling("The bias −β adds a positive direction (signature (m + 1, 0)).", _uniform_bias(1))
    )
