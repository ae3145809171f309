"""When a model of the plane can memorise sparse examples exactly: it depends on who shares features with whom.

The examples x_t ≥ 0 have h_t = W x_t in the plane; output j is ReLU(m_j·h + b_j). A feature is private if one example
alone has it. `relugeom.autoencoder.memorising` builds the models meant here, and `relugeom memorise` decides.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import sympy as sp

from relugeom import (
    Outcome,
    Proof,
    Sample,
    Sibling,
    Step,
    Verdict,
    between,
    conjecture,
    identity,
    sign,
    sparse_unit_norm_examples,
)
from relugeom.autoencoder.memorising import memorisable

__all__: list[str] = []

PAPER = "Henighan et al. (2023): latent vectors of memorised examples on a polygon"
AXES = 'Post: "X = I without loss of generality"'

R, s, x, y, t, half, theta = sp.symbols("R s x y t half theta", positive=True)
lam, u, v = sp.symbols("lambda u v", nonnegative=True)


def halfplane_steps(off: int) -> list[Step]:
    """f = m·h + b keeps its sign on a segment whose ends have it; off = −1: f ≤ 0 means −u."""
    share = 1 / (1 + lam)  # any number in (0, 1]
    return [
        sign("f > 0 at two points: f > 0 between them", share * s + (1 - share) * t, "> 0"),
        sign("f ≤ 0 at two points: f ≤ 0 between them", share * off * u + (1 - share) * off * v, "<= 0"),
    ]


@conjecture(
    "If a model with m = 2 (any decoder, any bias) gives back T ≥ 3 examples x_t ≥ 0 exactly, each with a private "
    "feature, then the W x_t are the corners of a convex polygon, and the examples of any feature are consecutive "
    "around it",
    source=AXES,
    expected=Verdict.PROVED,
)
def supports_are_arcs() -> Outcome:
    """Output j is positive exactly at the examples that have feature j: they lie in the open half-plane m_j·h + b_j > 0
    and the others outside it. For a private feature the half-plane holds h_t alone, so h_t is no mixture of the others
    (mixtures of points with f ≤ 0 have f ≤ 0): every h_t is a corner of the hull of all.

    Suppose a, b have feature j and c, d have not, and the four stand around the polygon in the order a, c, b, d. Then
    the segments ab and cd are the diagonals of a convex quadrilateral and cross; where they do f > 0 and f ≤ 0. So no
    such four exist, and the examples of feature j follow each other without a gap.
    """
    return Proof(
        halfplane_steps(-1),
        Sibling("the same if output j may be positive at examples that have no feature j", halfplane_steps(1)),
    )


def construction_steps(first: int) -> list[Step]:
    """The model's answers; corner k from the bisector's first end stands at the angle half + kφ, k ≥ `first`.

    Corners of a T-gon, T = first + q + r + 1 at least; neighbours at ± half = ± π/T from their bisector.
    """
    e1, e2, alpha = sp.symbols("E1 E2 alpha", real=True)
    q, r = sp.symbols("q r", integer=True, nonnegative=True)
    k, T = first + q, first + q + r + 2
    at, other, E = sp.Matrix([1, 0]), sp.Matrix([sp.cos(theta), sp.sin(theta)]), sp.Matrix([e1, e2])
    column = (R * at - E / R) / s
    offset = 1 - (R**2 - E.dot(at)) / s
    slope, mean = (y - x) / (2 * sp.sin(half)), (x + y) / 2

    def pair(angle: sp.Expr) -> sp.Expr:
        return alpha * sp.cos(angle) + slope * sp.sin(angle) + mean - alpha * sp.cos(half)

    return [
        identity("h_t = s·a + E/R = R u_t, whatever E", s * column + E / R, R * at),
        identity("a private output x(a·h + β) is x at its example", x * (column.dot(R * at) + offset), x),
        identity(
            "… and x(1 − (R²(1 − cos θ) − E·(u_t − u))/s) at another",
            x * (column.dot(R * other) + offset),
            x * (1 - (R**2 * (1 - sp.cos(theta)) - E.dot(at - other)) / s),
        ),
        identity("a pair's output: x at the first", pair(-half), x),
        identity("… and y at the second", pair(half), y),
        identity(
            "elsewhere α multiplies cos(half) − cos(half + kφ) = 2 sin(half + kφ/2) sin(kφ/2), φ = 2 half",
            sp.cos(half) - sp.cos(half + 2 * k * half),
            2 * sp.sin(half + k * half) * sp.sin(k * half),
        ),
        between("kφ/2 lies in [0, π]", 0, k * sp.pi / T, sp.pi),
        sign("… and is not 0", k * sp.pi / T, "> 0"),
        sign("half + kφ/2 lies below π, so both sines are positive", sp.pi - (k + 1) * sp.pi / T, "> 0"),
    ]


@conjecture(
    "For T ≥ 4 examples x_t ≥ 0, each with a private feature and every other feature in exactly two examples: a model "
    "with m = 2 gives all back exactly, tied or not, if and only if the pairs that share form paths, or one cycle "
    "through all T",
    source=AXES,
    expected=Verdict.PROVED,
    id="memorisable-in-the-plane",
)
def memorisable_in_the_plane() -> Outcome:
    """Only if: by `supports-are-arcs` two examples that share a feature are neighbours on a polygon of T corners. Every
    corner has two neighbours, and the neighbourhoods form one cycle of T; its parts are paths, or all of it.

    If: stand the examples on a regular polygon so that those that share are neighbours, h_t = R u_t. A shared feature
    answers x and y at its two corners by R w = αv + γe, b = (x + y)/2 − α cos(φ/2), with v the bisector, e at right
    angles to it and γ = (y − x)/(2 sin(φ/2)). At every other corner it falls with α, since cos(φ/2) exceeds v·u there:
    a large α turns it off. R w does not depend on R. Let E_t = R Σ x_tj w_j over the shared features of t and s_t = Σ
    x_tj² over its private ones, and w_j = x_tj (R u_t − E_t/R)/s_t, b_j = x_tj (1 − (R² − E_t·u_t)/s_t) for these. Then
    W x_t = R u_t, they answer x_tj at t, and elsewhere x_tj (1 − (R²(1 − cos θ) − E_t·(u_t − u))/s_t), which R large
    turns off. This model is tied.
    """
    return Proof(
        construction_steps(1),
        Sibling("any pairs may share: the examples of a pair need not be neighbours", construction_steps(-1)),
    )


def memorisable_share(T: int) -> Outcome:
    """How often data of the paper's law can be memorised exactly."""

    def draw(seed: int, trials: int) -> Iterable[bool]:
        for child in np.random.SeedSequence(seed).spawn(trials):
            examples = sparse_unit_norm_examples(T, 10_000, 0.999, seed=child, dtype=np.float64)
            yield memorisable(examples).answer == "yes"

    return Sample(f"P(memorisable exactly at m = 2); n = 10,000, S = 0.999, T = {T}", draw, 200)


@conjecture("How often thirty examples of the paper can be memorised exactly", source=PAPER, expected=Verdict.MEASURED)
def thirty_examples_are_memorisable() -> Outcome:
    """By construction. The paper's recipe ends at a loss of 0.29 there (docs/training.md)."""
    return memorisable_share(30)


@conjecture("How often sixty examples of the paper can be memorised exactly", source=PAPER, expected=Verdict.MEASURED)
def sixty_examples_are_memorisable() -> Outcome:
    """A feature in three examples may leave it undecided, which is counted as a no."""
    return memorisable_share(60)
