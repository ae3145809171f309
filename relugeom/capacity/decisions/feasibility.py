"""Can these features be told apart? An exact answer for a given encoder, with a certificate either way.

Output i separates the inputs with feature i from those without it when

    r·Wx + b > 0  for every allowed x with x_i = 1,        r·Wx + b ≤ 0  for every allowed x with x_i = 0,

where the allowed x are the 0/1 vectors with 1 to k ones (with `zero_input`, 0 to k). By Farkas, such a row (r, b)
exists iff no mixture of encodings with feature i equals a mixture of encodings without it. With feature i taken out of
the supports that hold it, the second alternative reads

    (w_i, 1, 1) = Σ_T β_T (w_T, 1, 0) + Σ_S α_S (−w_S, 0, 1),     α, β ≥ 0,  i ∉ S, T,  |S| ≤ k − 1,  |T| ≤ k,

where w_S = Σ_{j∈S} w_j; without a bias the middle entry is left out. The exact simplex method decides it. When the
answer is a row, its prices (r, b, s) are that row: r·w_i + b + s > 0, while s ≤ r·w_S for all S and r·w_T + b ≤ 0 for
all T. Supports are never listed: the one that a row treats worst is found by sorting.

A float encoder enters as the rational matrix it is, so nothing here depends on a tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any, NamedTuple

from relugeom.capacity.decisions.outcomes import BIASES, Bias, Decision, Undecided, confirm
from relugeom.capacity.decisions.simplex import Combination, Exhausted, Generator, decide_cone
from relugeom.capacity.decisions.supports import worst_supports
from relugeom.capacity.decisions.tied import decide_tied
from relugeom.errors import ArgumentError
from relugeom.exact import NotDecodable, SignPattern, WeightedSupport
from relugeom.exact.rationals import Matrix, Vector, as_matrix, dot, transpose

__all__ = ["DecoderRow", "decide", "decide_feature"]

PIVOTS = 10_000

_Side = tuple[bool, tuple[int, ...]]  # does the support hold the feature, and what else does it hold?


class DecoderRow(NamedTuple):
    """One output r·Wx + b that is positive exactly where its feature is active."""

    r: Vector
    b: Fraction


def decide(
    W: Any,
    *,
    tied: bool = False,
    bias: Bias = "free",
    active: int = 1,
    zero_input: bool = False,
    max_pivots: int = PIVOTS,
) -> Decision:
    """Whether ReLU(RWx + b) recovers the support of every allowed input, for some decoder R and bias b.

    Parameters
    ----------
    W : array or nested sequence, shape (m, n)
        The encoder: integers, fractions or finite floats, which are taken as the rationals they are.
    tied : bool
        R = Wᵀ; otherwise any R.
    bias : {"none", "shared", "free"}
        b = 0, b = β·1, or any b.
    active : int
        k, the largest number of active features.
    zero_input : bool
        Whether x = 0 must give no positive output.
    max_pivots : int
        The budget of the simplex method for each feature.

    Returns
    -------
    SignPattern
        Yes, with rational R and b; `relugeom.exact.check` accepts it.
    NotDecodable, PositivePair
        No, with a certificate that `relugeom.exact.check` accepts.
    TiedFailure
        No: two readings of the tied decoder contradict each other.
    Undecided
        The budget was used up, or (untied, shared) only a positive bias is left to try.

    Raises
    ------
    ArgumentError
        W is not a matrix of finite numbers, or k is not in 1 to n, or the bias is of no such kind.

    See Also
    --------
    relugeom.capacity.search, relugeom.capacity.find_positive_pair, relugeom.capacity.upper_bound
    relugeom.autoencoder.max_sparse_support

    Examples
    --------
    >>> type(decide([[1, 1, 1, 1, 1], [0, 1, 2, 3, 4], [0, 1, 4, 9, 16]], bias="none")).__name__
    'SignPattern'
    >>> type(decide([[1, 0, -1, 0, 1], [0, 1, 0, -1, 1]], bias="none")).__name__
    'NotDecodable'
    """
    encoder = _exact(W)
    n = len(encoder[0])
    _require_active(active, n)
    if bias not in BIASES:
        raise ArgumentError(f"bias must be one of {', '.join(BIASES)}; got {bias!r}")
    if tied:
        return decide_tied(encoder, bias, active, zero_input)
    rows: list[DecoderRow] = []
    for feature in range(n):
        # A row with b ≤ 0 can be scaled to b = −1, so a shared bias asks no more of a row than x = 0 does.
        answer = decide_feature(
            encoder,
            feature,
            bias=bias != "none",
            active=active,
            zero_input=zero_input or bias == "shared",
            max_pivots=max_pivots,
        )
        if isinstance(answer, NotDecodable) and answer.zero_input and not zero_input:
            answer = decide_feature(encoder, feature, active=active, max_pivots=max_pivots)
            if isinstance(answer, DecoderRow):
                return Undecided(f"feature {feature} needs a positive bias; a positive shared one is not looked for")
        if not isinstance(answer, DecoderRow):
            return answer
        rows.append(_scale_to_bias(encoder, feature, answer, active) if bias == "shared" else answer)
    decoder = tuple(row.r for row in rows)
    return confirm(
        SignPattern(encoder, decoder, None if bias == "none" else tuple(row.b for row in rows), active, zero_input)
    )


def decide_feature(
    W: Any,
    feature: int,
    *,
    bias: bool = True,
    active: int = 1,
    zero_input: bool = False,
    max_pivots: int = PIVOTS,
) -> DecoderRow | NotDecodable | Undecided:
    """Whether some row (r, b) separates the inputs with one feature from those without it.

    Parameters
    ----------
    W, active, zero_input, max_pivots
        As for `decide`.
    feature : int
        i, counted from 0.
    bias : bool
        Whether b may differ from 0.

    Returns
    -------
    DecoderRow
        r and b, integers.
    NotDecodable
        The two mixtures with equal encodings; `relugeom.exact.check` accepts them.
    Undecided
        The budget was used up.

    Raises
    ------
    ArgumentError
        As for `decide`, or i is not in 0 to n − 1.
    """
    encoder = _exact(W)
    n = len(encoder[0])
    _require_active(active, n)
    if not 0 <= feature < n:
        raise ArgumentError(f"feature must lie in 0 to {n - 1}; got {feature}")
    scales = [lcm(*(x.denominator for x in row)) for row in encoder]
    columns = list(
        zip(*([int(x * scale) for x in row] for row, scale in zip(encoder, scales, strict=True)), strict=True)
    )
    m = len(encoder)
    one, none = ((1,), (0,)) if bias else ((), ())

    def violation(prices: Sequence[int]) -> Generator[_Side] | None:
        """The generator that the row treats worst; None when it treats all of them right."""
        r, b, s = prices[:m], sum(prices[m:-1]), prices[-1]
        values = [_dot(r, w) for w in columns]
        (_, *low), high = worst_supports(values, feature, active, zero_input)
        gain_low = s - sum(values[j] for j in low)
        gain_high = b + sum(values[j] for j in high) if high or zero_input else 0
        if max(gain_low, gain_high) <= 0:
            return None
        if gain_high >= gain_low:
            return Generator((False, high), (*_total(columns, high, m), *one, 0))
        return Generator((True, tuple(low)), (*(-x for x in _total(columns, low, m)), *none, 1))

    answer = decide_cone((*columns[feature], *one, 1), violation, max_pivots)
    if isinstance(answer, Exhausted):
        return Undecided(f"feature {feature} is not decided after {answer.pivots} pivots of the exact simplex method")
    if isinstance(answer, Combination):
        inside, outside = (
            tuple(
                WeightedSupport(tuple(sorted((*support, feature) if side else support)), weight)
                for (side, support), weight in answer.weights
                if side == wanted
            )
            for wanted in (True, False)
        )
        return confirm(NotDecodable(encoder, feature, inside, outside, bias, active, zero_input))
    normal = answer.normal
    divisor = gcd(*normal[:-1])
    return DecoderRow(
        tuple(Fraction(x // divisor * scale) for x, scale in zip(normal, scales, strict=False)),
        Fraction(sum(normal[m:-1]) // divisor),
    )


def _scale_to_bias(encoder: Matrix, feature: int, row: DecoderRow, active: int) -> DecoderRow:
    """The row scaled to b = −1; where b = 0, half of its least value with the feature is taken off first."""
    values = [dot(row.r, w) for w in transpose(encoder)]
    fires = worst_supports(values, feature, active, True).fires
    b = row.b or -sum((values[j] for j in fires), Fraction(0)) / 2
    return DecoderRow(tuple(x / -b for x in row.r), Fraction(-1))


def _dot(u: Sequence[int], v: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(u, v, strict=True))


def _total(columns: Sequence[Sequence[int]], support: Sequence[int], m: int) -> list[int]:
    """w_S = Σ_{j∈S} w_j."""
    return [sum(columns[j][a] for j in support) for a in range(m)]


def _require_active(active: int, n: int) -> None:
    if not 1 <= active <= n:
        raise ArgumentError(f"active must lie in 1 to n = {n}; got {active}")


def _exact(W: Any) -> Matrix:
    rows = W.tolist() if hasattr(W, "tolist") else W
    try:
        encoder = as_matrix(rows)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"W must be an m×n matrix of finite real numbers; got {W!r:.60} ({error})") from None
    if not encoder or not encoder[0] or len({len(row) for row in encoder}) != 1:
        raise ArgumentError(f"W must have shape (m, n) with m, n ≥ 1; got rows of lengths {[len(r) for r in encoder]}")
    return encoder
