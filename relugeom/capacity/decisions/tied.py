"""The tied decoder R = Wᵀ: nothing to search, only values to compare.

For output j let f_j be the least value w_j·Wx over the allowed inputs with feature j, and g_j the greatest over
those without it. A bias has to satisfy g_j ≤ −b_j < f_j, so

    b = 0 works    iff  g_j ≤ 0 < f_j for all j,
    a shared b     iff  max_j g_j < min_j f_j,
    a free b       iff  g_j < f_j for all j.

For one active feature the last line is w_i·w_j < ‖w_j‖² for all i ≠ j.
"""

from __future__ import annotations

from fractions import Fraction

from relugeom.capacity.decisions.outcomes import Bias, Decision, Reading, TiedFailure, confirm
from relugeom.capacity.decisions.refuter import find_positive_pair
from relugeom.capacity.decisions.supports import worst_supports
from relugeom.exact import SignPattern
from relugeom.exact.rationals import Matrix, Vector, dot, transpose

__all__ = ["decide_tied"]

_ZERO = Fraction(0)


def decide_tied(encoder: Matrix, bias: Bias, active: int, zero_input: bool) -> Decision:
    """Whether ReLU(WᵀWx + b) recovers the support of every allowed input, for some bias of the allowed kind.

    Returns
    -------
    SignPattern
        Yes; b_j = −g_j, the largest that works (shared: −max_j g_j).
    PositivePair
        No, for one active feature without bias.
    TiedFailure
        No, otherwise.
    """
    fires, rests = _readings(encoder, active, zero_input)
    failure = _failure(fires, rests, bias)
    if failure is None:
        return confirm(SignPattern(encoder, None, _bias(rests, bias), active, zero_input))
    pair = find_positive_pair(encoder) if bias == "none" and active == 1 else None
    return failure if pair is None else confirm(pair)


def _readings(encoder: Matrix, active: int, zero_input: bool) -> tuple[list[Reading], list[Reading]]:
    """The readings f_j and g_j of all outputs."""
    columns = transpose(encoder)
    fires, rests = [], []
    for j, w in enumerate(columns):
        values = [dot(w, v) for v in columns]
        low, high = (
            Reading(j, support, sum((values[i] for i in support), _ZERO))
            for support in worst_supports(values, j, active, zero_input)
        )
        if len(columns) == 1 and not zero_input:
            # No allowed input lacks the only feature, so any value below f_j serves as g_j.
            high = Reading(j, (), min(_ZERO, low.value - 1))
        fires.append(low)
        rests.append(high)
    return fires, rests


def _failure(fires: list[Reading], rests: list[Reading], bias: Bias) -> TiedFailure | None:
    """Two readings that no bias of the allowed kind separates, if there are any."""
    if bias == "free":
        pairs = zip(fires, rests, strict=True)
        return next((TiedFailure(f, g) for f, g in pairs if f.value <= g.value), None)
    low, high = min(fires, key=_value), max(rests, key=_value)
    if bias == "shared":
        return TiedFailure(low, high) if low.value <= high.value else None
    if low.value <= 0:
        return TiedFailure(low, Reading(low.feature, (), _ZERO))
    return TiedFailure(Reading(high.feature, (), _ZERO), high) if high.value > 0 else None


def _bias(rests: list[Reading], bias: Bias) -> Vector | None:
    if bias == "none":
        return None
    shared = max(g.value for g in rests)
    return tuple(-(shared if bias == "shared" else g.value) for g in rests)


def _value(reading: Reading) -> Fraction:
    return reading.value
