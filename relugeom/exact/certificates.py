"""Certificates: finite data from which a statement can be re-checked by exact arithmetic.

One frozen dataclass a kind. A certificate holds data only; what it *states* is computed from the data by
`statement`, so that a file cannot claim one thing and prove another. Rational numbers travel as strings
``"p/q"``. Everything read from outside is bounded in size, depth and digits before any arithmetic is done.

Notation, everywhere: encoder W (m×n) with columns w_j, decoder R (n×m), null for the tied decoder R = Wᵀ,
bias b (n), null for no bias. Features are numbered from 0.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

from relugeom.exact.errors import ArgumentError, CertificateError
from relugeom.exact.quadratic import Quadratic
from relugeom.exact.rationals import Matrix, Vector

__all__ = [
    "KINDS",
    "LIMITS",
    "ActivationThreshold",
    "AxialLoss",
    "Certificate",
    "CriticalPoint",
    "DeadOutputs",
    "ExactReconstruction",
    "HexagonMinimum",
    "NotDecodable",
    "PentagonMinimum",
    "PolynomialSign",
    "PositivePair",
    "RankBound",
    "SignPattern",
    "SphericalCodeBound",
    "WeightedSupport",
    "dumps",
    "load",
    "loads",
]


class Limits(NamedTuple):
    """Bounds that hold before any arithmetic."""

    characters: int = 16_000_000
    depth: int = 8
    digits: int = 600
    entries: int = 400_000


LIMITS = Limits()


# ---------------------------------------------------------------------------------------------------------
# Reading and writing values. A codec turns a dataclass field into JSON and back, naming the field in errors.


class Codec(NamedTuple):
    """How one field travels: `read` from JSON (raises CertificateError), `write` to JSON."""

    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any]


_RATIONAL = re.compile(r"(-?[0-9]+)(?:/([0-9]+))?")


def _read_rational(value: Any, where: str) -> Fraction:
    match = _RATIONAL.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise CertificateError(f'{where} must be a rational number written as a string "p/q"; got {value!r:.60}')
    if max(len(part.lstrip("-")) for part in match.groups("")) > LIMITS.digits:
        raise CertificateError(f"{where} has more than {LIMITS.digits} digits")
    numerator, denominator = int(match[1]), int(match[2] or 1)
    if denominator == 0:
        raise CertificateError(f"{where} has denominator 0")
    return Fraction(numerator, denominator)


def _write_rational(value: Fraction) -> str:
    if max(abs(value.numerator), value.denominator) >= 10**LIMITS.digits:
        raise CertificateError(f"a number has more than {LIMITS.digits} digits, which no reader would accept")
    return str(value)


def _read_integer(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 10**9:
        raise CertificateError(f"{where} must be an integer of at most nine digits; got {value!r:.60}")
    return value


def _read_boolean(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise CertificateError(f"{where} must be true or false; got {value!r:.60}")
    return value


def _read_list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise CertificateError(f"{where} must be a list; got {value!r:.60}")
    if len(value) > LIMITS.entries:
        raise CertificateError(f"{where} has more than {LIMITS.entries} entries")
    return value


def _list_of(codec: Codec) -> Codec:
    return Codec(
        lambda value, where: tuple(codec.read(v, f"{where}[{i}]") for i, v in enumerate(_read_list(value, where))),
        lambda value: [codec.write(v) for v in value],
    )


def _optional(codec: Codec) -> Codec:
    return Codec(
        lambda value, where: None if value is None else codec.read(value, where),
        lambda value: None if value is None else codec.write(value),
    )


def _read_matrix(value: Any, where: str) -> Matrix:
    rows: Matrix = _list_of(_vector).read(value, where)
    if not rows or not rows[0]:
        raise CertificateError(f"{where} must have at least one row and one column")
    if len({len(row) for row in rows}) != 1:
        raise CertificateError(f"{where} must have rows of equal length")
    return rows


_rational = Codec(_read_rational, _write_rational)
_integer = Codec(_read_integer, int)
_boolean = Codec(_read_boolean, bool)
_vector = _list_of(_rational)
_matrix = Codec(_read_matrix, _list_of(_vector).write)
_indices = _list_of(_integer)


class WeightedSupport(NamedTuple):
    """A set of active features and a non-negative weight.

    Parameters
    ----------
    support : tuple of int
    weight : Fraction
    """

    support: tuple[int, ...]
    weight: Fraction


def _read_weighted(value: Any, where: str) -> WeightedSupport:
    if not isinstance(value, dict) or set(value) != {"support", "weight"}:
        raise CertificateError(f'{where} must be an object with "support" and "weight"; got {value!r:.60}')
    return WeightedSupport(
        _indices.read(value["support"], f"{where}.support"), _rational.read(value["weight"], f"{where}.weight")
    )


_weighted = _list_of(
    Codec(_read_weighted, lambda item: {"support": list(item.support), "weight": _write_rational(item.weight)})
)


def _read_pair_of_rationals(value: Any, where: str) -> tuple[Fraction, Fraction]:
    pair = _vector.read(value, where)
    if len(pair) != 2:
        raise CertificateError(f"{where} must be two rationals [a, b] for a + b√d; got {len(pair)}")
    return pair[0], pair[1]


def _read_bounds(value: Any, where: str) -> tuple[Fraction, Fraction]:
    bounds = _vector.read(value, where)
    if len(bounds) != 2:
        raise CertificateError(f"{where} must be two rationals [low, high]; got {len(bounds)}")
    return bounds[0], bounds[1]


_bounds = Codec(_read_bounds, _vector.write)
_surd = Codec(_read_pair_of_rationals, lambda pair: [_write_rational(x) for x in pair])
_surds = _list_of(_surd)


# ---------------------------------------------------------------------------------------------------------
# The kinds.


# What a field is called in files, where that differs: the files of version 0.1.0 keep their bytes.
_IN_FILES: Mapping[str, str] = {"active": "sparsity"}


@dataclass(frozen=True, slots=True)
class Certificate:
    """Common to all kinds: a name, the codecs of the fields, and the statement made."""

    kind: ClassVar[str]
    codecs: ClassVar[Mapping[str, Codec]]

    def statement(self) -> str:
        """What is proved when `relugeom.exact.check` says Valid, in one sentence."""
        raise ArgumentError(f"{type(self).__name__} is not a kind of certificate")


def _model(decoder: Matrix | None, bias: Vector | None) -> str:
    product = "WᵀWx" if decoder is None else "RWx"
    return f"ReLU({product}{'' if bias is None else ' + b'})"


def _ones(active: int, zero_input: bool) -> str:
    """How many ones the inputs have."""
    if zero_input:
        return f"at most {active} one{'s' * (active > 1)}"
    return "exactly one 1" if active == 1 else f"1 to {active} ones"


def _outward(value: Fraction, rounding: str) -> str:
    """Twelve digits of a bound, rounded so that it stays a bound."""
    return f"{Context(prec=12, rounding=rounding).divide(Decimal(value.numerator), Decimal(value.denominator)):g}"


def _shape(encoder: Matrix) -> str:
    return f"m = {len(encoder)}, n = {len(encoder[0])}"


@dataclass(frozen=True, slots=True)
class SignPattern(Certificate):
    """The support of every 0/1 input with 1 to k ones is recovered.

    For k = 1 this is the criterion of the unique single positive value: RW + b1ᵀ has a positive diagonal and
    no positive entry off it. With `zero_input` the all-zero input must give no positive output either.

    Parameters
    ----------
    encoder : matrix, m × n
    decoder : matrix, n × m, optional
        Default: Wᵀ.
    bias : vector, n, optional
        Default: 0.
    active : int
        k.
    zero_input : bool
    """

    encoder: Matrix
    decoder: Matrix | None = None
    bias: Vector | None = None
    active: int = 1
    zero_input: bool = False

    kind: ClassVar[str] = "sign-pattern"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "encoder": _matrix,
        "decoder": _optional(_matrix),
        "bias": _optional(_vector),
        "active": _integer,
        "zero_input": _boolean,
    }

    def statement(self) -> str:
        return (
            f"{_model(self.decoder, self.bias)} has exactly the support of x for every 0/1 input x with "
            f"{_ones(self.active, self.zero_input)} ({_shape(self.encoder)})"
        )


@dataclass(frozen=True, slots=True)
class ExactReconstruction(Certificate):
    """ReLU(RW + b1ᵀ) = I: every axis vector e_i is returned unchanged.

    Parameters
    ----------
    encoder : matrix, m × n
    decoder : matrix, n × m, optional
        Default: Wᵀ.
    bias : vector, n, optional
        Default: 0.
    """

    encoder: Matrix
    decoder: Matrix | None = None
    bias: Vector | None = None

    kind: ClassVar[str] = "exact-reconstruction"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "encoder": _matrix,
        "decoder": _optional(_matrix),
        "bias": _optional(_vector),
    }

    def statement(self) -> str:
        return f"{_model(self.decoder, self.bias)} = x exactly for every axis vector x = e_i ({_shape(self.encoder)})"


@dataclass(frozen=True, slots=True)
class RankBound(Certificate):
    """A = LR with L having r columns, so rank A ≤ r.

    Parameters
    ----------
    matrix, left, right : matrix
        A, L and R.
    """

    matrix: Matrix
    left: Matrix
    right: Matrix

    kind: ClassVar[str] = "rank-bound"
    codecs: ClassVar[Mapping[str, Codec]] = {"matrix": _matrix, "left": _matrix, "right": _matrix}

    def statement(self) -> str:
        return f"the {len(self.matrix)}×{len(self.matrix[0])} matrix A has rank at most {len(self.right)}"


@dataclass(frozen=True, slots=True)
class NotDecodable(Certificate):
    """No row (r, b) separates the inputs with feature i from those without it (Farkas).

    `inside` weighs supports that contain i, `outside` supports that do not; both have 1 to k elements (or, with
    `zero_input`, `outside` may use the empty one). The weighted sums of their encodings Σ_{j∈S} w_j agree. With
    a bias, the weights of both sides have the same positive total; then
    0 < Σ α_S (r·w_S + b) = Σ β_S (r·w_S + b) ≤ 0 is the contradiction. Without a bias only the inside total
    must be positive.

    Parameters
    ----------
    encoder : matrix, m × n
    feature : int
        i.
    inside, outside : tuple of WeightedSupport
    with_bias : bool
    active : int
        k.
    zero_input : bool
    """

    encoder: Matrix
    feature: int
    inside: tuple[WeightedSupport, ...]
    outside: tuple[WeightedSupport, ...]
    with_bias: bool
    active: int = 1
    zero_input: bool = False

    kind: ClassVar[str] = "not-decodable"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "encoder": _matrix,
        "feature": _integer,
        "inside": _weighted,
        "outside": _weighted,
        "with_bias": _boolean,
        "active": _integer,
        "zero_input": _boolean,
    }

    def statement(self) -> str:
        bias = "and no bias b " if self.with_bias else ""
        value = "r·Wx + b" if self.with_bias else "r·Wx"
        return (
            f"no decoder row r {bias}makes {value} positive exactly when x_{self.feature} = 1, over the 0/1 inputs "
            f"x with {_ones(self.active, self.zero_input)} ({_shape(self.encoder)})"
        )


@dataclass(frozen=True, slots=True)
class PositivePair(Certificate):
    """An alleged tied, bias-free solution fails at the pair (i, j): w_i·w_j > 0, or w_i = 0 when i = j.

    `pivots` is the trace of the elimination that found the pair: each pivot u has no positive entry in its row
    and is projected out, G ← G − g_u g_uᵀ/G_uu, which only lowers the other inner products.

    Parameters
    ----------
    encoder : matrix, m × n
    pair : tuple of two int
        (i, j).
    pivots : tuple of int
    """

    encoder: Matrix
    pair: tuple[int, ...]
    pivots: tuple[int, ...] = ()

    kind: ClassVar[str] = "positive-pair"
    codecs: ClassVar[Mapping[str, Codec]] = {"encoder": _matrix, "pair": _indices, "pivots": _indices}

    def statement(self) -> str:
        i, j = self.pair
        fault = f"w_{i} = 0" if i == j else f"w_{i}·w_{j} > 0"
        return f"{fault}, so ReLU(WᵀWx) does not recover the support of x = e_{i} ({_shape(self.encoder)})"


@dataclass(frozen=True, slots=True)
class PolynomialSign(Certificate):
    """p > 0 (or p ≥ 0) on [x_0, x_k], for a polynomial over ℚ(√d).

    `coefficients` run from the constant up, each [a, b] for a + b√d. On each piece [x_s, x_{s+1}] of the
    `breakpoints` the substitution x = (x_s + x_{s+1} t)/(1 + t), t ≥ 0, times (1 + t)^deg, must have
    non-negative coefficients, the first and last of them positive for a strict claim.

    Parameters
    ----------
    coefficients, breakpoints : tuple of pairs of Fraction
    radicand : int
        d.
    strict : bool
        Whether p > 0 is meant.
    """

    coefficients: tuple[tuple[Fraction, Fraction], ...]
    breakpoints: tuple[tuple[Fraction, Fraction], ...]
    radicand: int = 5
    strict: bool = True

    kind: ClassVar[str] = "polynomial-sign"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "coefficients": _surds,
        "breakpoints": _surds,
        "radicand": _integer,
        "strict": _boolean,
    }

    def statement(self) -> str:
        def text_of(pair: tuple[Fraction, Fraction]) -> str:
            return str(Quadratic(*pair, self.radicand))

        terms = [
            f"({text_of(c)}){'' if k == 0 else '·x' if k == 1 else f'·x^{k}'}"
            for k, c in enumerate(self.coefficients)
            if any(c)
        ]
        low, high = text_of(self.breakpoints[0]), text_of(self.breakpoints[-1])
        return f"{' + '.join(terms) or '0'} {'>' if self.strict else '≥'} 0 for all x in [{low}, {high}]"


@dataclass(frozen=True, slots=True)
class AxialLoss(Certificate):
    """The loss on X = I, summed over examples: Σ_i ‖ReLU(RWe_i + b) − e_i‖² = value, exactly.

    Parameters
    ----------
    encoder : matrix, m × n
    value : Fraction
    decoder : matrix, n × m, optional
        Default: Wᵀ.
    bias : vector, n, optional
        Default: 0.
    """

    encoder: Matrix
    value: Fraction
    decoder: Matrix | None = None
    bias: Vector | None = None

    kind: ClassVar[str] = "axial-loss"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "encoder": _matrix,
        "value": _rational,
        "decoder": _optional(_matrix),
        "bias": _optional(_vector),
    }

    def statement(self) -> str:
        has_decimal = self.value.denominator != 1 and abs(self.value) < 10**300
        decimal = f" ≈ {float(self.value):.6g}" if has_decimal else ""
        shown = str(self.value) if self.value.denominator < 10**20 else "the stated value"
        return (
            f"the sum over i of ‖{_model(self.decoder, self.bias)} − x‖² at x = e_i is {shown}{decimal} "
            f"({_shape(self.encoder)})"
        )


@dataclass(frozen=True, slots=True)
class ActivationThreshold(Certificate):
    """For every feature i and every amplitude a in (t, 1], the output at a·e_i is positive at i and nowhere else.

    Parameters
    ----------
    encoder : matrix, m × n
    bias : vector, n
    threshold : Fraction
        t.
    decoder : matrix, n × m, optional
        Default: Wᵀ.
    """

    encoder: Matrix
    bias: Vector
    threshold: Fraction
    decoder: Matrix | None = None

    kind: ClassVar[str] = "activation-threshold"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "encoder": _matrix,
        "bias": _vector,
        "threshold": _rational,
        "decoder": _optional(_matrix),
    }

    def statement(self) -> str:
        return (
            f"{_model(self.decoder, self.bias)} has exactly the support of x = a·e_i for every i and every a with "
            f"{self.threshold} < a ≤ 1 ({_shape(self.encoder)})"
        )


@dataclass(frozen=True, slots=True)
class CriticalPoint(Certificate):
    """A critical point of the loss on data on the axes, away from kinks, up to rotation.

    L = (1/n) Σ_i E_a ‖ReLU(WᵀW a e_i + b) − a e_i‖², with a from the grid `amplitudes` (relative frequencies
    `weights`, null for equal ones) or, where `amplitudes` is null, uniform on (0, 1].

    Within `radius` of (encoder, bias), the rotation fixed by the features `gauge`, there is exactly one critical
    point; its Hessian has `negative` negative eigenvalues and no zero ones, by `margin`, and its loss lies between
    `low` and `high`. The rotation is fixed by holding at 0, of feature gauge[k], all entries after entry k. The better
    model, if there is one, has a loss below `low`. The argument is in `relugeom.exact.critical`.

    Parameters
    ----------
    encoder : matrix, m × n
    bias : vector, n
    amplitudes, weights : vector or None
    radius, margin : Fraction
    gauge : tuple of int
    negative : int
    low, high : Fraction
    better_encoder, better_bias : matrix and vector, optional
    """

    encoder: Matrix
    bias: Vector
    amplitudes: Vector | None
    weights: Vector | None
    radius: Fraction
    margin: Fraction
    gauge: tuple[int, ...]
    negative: int
    low: Fraction
    high: Fraction
    better_encoder: Matrix | None = None
    better_bias: Vector | None = None

    kind: ClassVar[str] = "critical-point"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "encoder": _matrix,
        "bias": _vector,
        "amplitudes": _optional(_vector),
        "weights": _optional(_vector),
        "radius": _rational,
        "margin": _rational,
        "gauge": _indices,
        "negative": _integer,
        "low": _rational,
        "high": _rational,
        "better_encoder": _optional(_matrix),
        "better_bias": _optional(_vector),
    }

    def statement(self) -> str:
        data = "a uniform on (0, 1]"
        if self.amplitudes is not None:
            weights = "equal weights" if self.weights is None else f"weights {' : '.join(map(str, self.weights))}"
            data = f"a in {{{', '.join(map(str, self.amplitudes))}}} with {weights}"
        nature = f"no minimum (negative curvatures: {self.negative})" if self.negative else "a strict local minimum"
        held = [
            f"entr{'y' if k + 2 == len(self.encoder) else 'ies'} {', '.join(map(str, range(k + 1, len(self.encoder))))}"
            f" of w_{i}"
            for k, i in enumerate(self.gauge[: len(self.encoder) - 1])
        ]
        fixed = f" among the models with {' and '.join(held)} equal to 0" if held else ""
        better = "" if self.better_encoder is None else ", and another model has lower loss"
        # The radius is exact: rounded up, the point might not be the only one, and rounded down, not be there.
        return (
            f"the loss, the mean of ‖ReLU(WᵀWx + b) − x‖² over x = a·e_i for every i, {data}, has exactly one critical "
            f"point (W, b) at distance at most {self.radius} from the stated model ({_shape(self.encoder)}){fixed}; up "
            f"to rotation it is {nature}, with loss between {_outward(self.low, ROUND_FLOOR)} and "
            f"{_outward(self.high, ROUND_CEILING)}{better}"
        )


@dataclass(frozen=True, slots=True)
class DeadOutputs(Certificate):
    """A local minimum on X = I: the outputs in `dead` are negative on every axis, all others exact.

    Parameters
    ----------
    encoder : matrix, m × n
    bias : vector, n
    dead : tuple of int
    """

    encoder: Matrix
    bias: Vector
    dead: tuple[int, ...]

    kind: ClassVar[str] = "dead-outputs"
    codecs: ClassVar[Mapping[str, Codec]] = {"encoder": _matrix, "bias": _vector, "dead": _indices}

    def statement(self) -> str:
        return (
            f"{_model(None, self.bias)}, {len(self.dead)} of its outputs 0 on every axis and the others exact, is a "
            f"local minimum of "
            f"Σ_i ‖ReLU(WᵀWe_i + b) − e_i‖², with value {len(self.dead)} ({_shape(self.encoder)})"
        )


def _least_loss(n: int, polygon: str, *bounds: tuple[Fraction, Fraction]) -> str:
    """What a minimum states: the loss, the squared norm and the bias of the best polygon, each between two bounds."""
    loss, norm, bias = (f"[{_outward(low, ROUND_FLOOR)}, {_outward(high, ROUND_CEILING)}]" for low, high in bounds)
    return (
        f"for every W (m = 2, n = {n}) and b, Σ_i E_a ‖ReLU(WᵀWx + b) − x‖² at x = a·e_i, a uniform on [0, 1], is at "
        f"least F*, and equal to F* exactly where the w_j are the corners of a regular {polygon} with ‖w_j‖² = s* and "
        f"b_j = b* for all j, for some F* in {loss}, s* in {norm} and b* in {bias}"
    )


@dataclass(frozen=True, slots=True)
class PentagonMinimum(Certificate):
    """The least loss of five features in the plane with a bias, on x = a·e_i with a uniform on [0, 1].

    The loss summed over the features, Σ_i E_a ‖ReLU(WᵀW a e_i + b) − a e_i‖², is least at regular pentagons with
    ‖w_j‖² in `norm` and b_j in `bias`, and at nothing else; its value lies in `loss`. The argument, with the part that
    each field has in it, is in `relugeom.exact.pentagon`.

    Parameters
    ----------
    shortest, longest : Fraction
        Norms outside them cost more than F*.
    threshold, norm, bias, loss, slope : tuple of two Fraction
        Between which t*, s*, b*, F* and μ lie.
    angles : vector
        Where the angles are cut into cells, ascending.
    depth : int
        How often a cell may be halved.
    window_thresholds, window_angles : tuple of two Fraction
        The rectangle around the minimum in which convexity is shown instead.
    """

    shortest: Fraction
    longest: Fraction
    threshold: tuple[Fraction, Fraction]
    norm: tuple[Fraction, Fraction]
    bias: tuple[Fraction, Fraction]
    loss: tuple[Fraction, Fraction]
    slope: tuple[Fraction, Fraction]
    angles: Vector
    depth: int
    window_thresholds: tuple[Fraction, Fraction]
    window_angles: tuple[Fraction, Fraction]

    kind: ClassVar[str] = "pentagon-minimum"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "shortest": _rational,
        "longest": _rational,
        "threshold": _bounds,
        "norm": _bounds,
        "bias": _bounds,
        "loss": _bounds,
        "slope": _bounds,
        "angles": _vector,
        "depth": _integer,
        "window_thresholds": _bounds,
        "window_angles": _bounds,
    }

    def statement(self) -> str:
        return _least_loss(5, "pentagon", self.loss, self.norm, self.bias)


def _read_pentagon(value: Any, where: str) -> PentagonMinimum:
    codecs = PentagonMinimum.codecs
    if not isinstance(value, dict) or set(value) != set(codecs):
        raise CertificateError(f"{where} must be an object with {', '.join(codecs)}; got {value!r:.60}")
    return PentagonMinimum(**{name: codec.read(value[name], f"{where}.{name}") for name, codec in codecs.items()})


_pentagon = Codec(
    _read_pentagon, lambda c: {name: codec.write(getattr(c, name)) for name, codec in PentagonMinimum.codecs.items()}
)


@dataclass(frozen=True, slots=True)
class HexagonMinimum(Certificate):
    """The least loss of six features in the plane with a bias, on x = a·e_i with a uniform on [0, 1].

    As for a `PentagonMinimum`, on which it rests; the argument is in `relugeom.exact.hexagon`.

    Parameters
    ----------
    pentagon : PentagonMinimum
        The minimum of five features.
    threshold, norm, bias, loss, slope : tuple of two Fraction
        Between which t*, s*, b*, F* and μ lie.
    angles : vector
        Where the angles are cut into cells, ascending.
    extent : tuple of two Fraction
        How far the rectangles of narrow angles reach.
    depth : int
        How often a cell may be halved.
    window_thresholds, window_angles : tuple of two Fraction
        The rectangle around the minimum in which convexity is shown instead.
    """

    pentagon: PentagonMinimum
    threshold: tuple[Fraction, Fraction]
    norm: tuple[Fraction, Fraction]
    bias: tuple[Fraction, Fraction]
    loss: tuple[Fraction, Fraction]
    slope: tuple[Fraction, Fraction]
    angles: Vector
    extent: tuple[Fraction, Fraction]
    depth: int
    window_thresholds: tuple[Fraction, Fraction]
    window_angles: tuple[Fraction, Fraction]

    kind: ClassVar[str] = "hexagon-minimum"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "pentagon": _pentagon,
        "threshold": _bounds,
        "norm": _bounds,
        "bias": _bounds,
        "loss": _bounds,
        "slope": _bounds,
        "angles": _vector,
        "extent": _bounds,
        "depth": _integer,
        "window_thresholds": _bounds,
        "window_angles": _bounds,
    }

    def statement(self) -> str:
        return _least_loss(6, "hexagon", self.loss, self.norm, self.bias)


@dataclass(frozen=True, slots=True)
class SphericalCodeBound(Certificate):
    """Among any n unit vectors in m ≥ 2 dimensions two have an inner product of at least s (Delsarte's method).

    P_k is the zonal polynomial of degree k, (k + m − 2) P_{k+1} = (2k + m − 2) x P_k − k P_{k−1}, P_0 = 1, P_1 = x, for
    which P_k(1) = 1 and Σ_ij P_k(u_i·u_j) ≥ 0 over any unit vectors u_i (Schoenberg, 1942). Let f = Σ f_k P_k with the
    `coefficients` f_k, f_0 > 0, f_k ≥ 0, f ≤ 0 on [−1, s] and n f_0 ≥ f(1). Then Σ_{i≠j} f(u_i·u_j) is at least
    n (n f_0 − f(1)) ≥ 0.

    If all inner products were below s, every term would be ≤ 0, so n f_0 = f(1) and all terms 0. To rule that out where
    n f_0 = f(1), f must be (x − s) g with g = Σ g_k P_k, g_k ≥ 0 for k ≥ 1 and n g_0 > g(1): then all g(u_i·u_j) would
    vanish, while their sum is at least n (n g_0 − g(1)) > 0.

    Numbers are [a, b] for a + b√d. f ≤ 0 is shown as for `PolynomialSign`, on the pieces between the `breakpoints`
    inside (−1, s).
    """

    dimension: int
    points: int
    cosine: tuple[Fraction, Fraction]
    coefficients: tuple[tuple[Fraction, Fraction], ...]
    breakpoints: tuple[tuple[Fraction, Fraction], ...] = ()
    radicand: int = 5

    kind: ClassVar[str] = "spherical-code-bound"
    codecs: ClassVar[Mapping[str, Codec]] = {
        "dimension": _integer,
        "points": _integer,
        "cosine": _surd,
        "coefficients": _surds,
        "breakpoints": _surds,
        "radicand": _integer,
    }

    def statement(self) -> str:
        return (
            f"among any {self.points} unit vectors in {self.dimension} dimensions two have an inner product of at "
            f"least {Quadratic(*self.cosine, self.radicand)}"
        )


KINDS: Mapping[str, type[Certificate]] = {
    cls.kind: cls
    for cls in (
        SignPattern,
        ExactReconstruction,
        RankBound,
        NotDecodable,
        PositivePair,
        PolynomialSign,
        AxialLoss,
        ActivationThreshold,
        CriticalPoint,
        DeadOutputs,
        PentagonMinimum,
        SphericalCodeBound,
        HexagonMinimum,
    )
}


# ---------------------------------------------------------------------------------------------------------
# Files.

_FORMAT = "relugeom-certificate/1"


def dumps(certificate: Certificate) -> str:
    """The certificate as JSON text.

    Parameters
    ----------
    certificate : Certificate

    Returns
    -------
    str

    Raises
    ------
    CertificateError
        A number has more digits than `loads` would read.

    See Also
    --------
    relugeom.exact.check, relugeom.exact.load, relugeom.exact.loads
    """
    values = {name: codec.write(getattr(certificate, name)) for name, codec in certificate.codecs.items()}
    body = {_IN_FILES.get(name, name): value for name, value in values.items()}
    text = json.dumps({"format": _FORMAT, "kind": certificate.kind, **body}, indent=1)
    # One row of a matrix per line: lists that hold no further brackets are folded.
    return re.sub(r"\[[^\[\]{}]*\]", lambda match: " ".join(match[0].split()), text) + "\n"


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside strings."""
    depth = deepest = 0
    # Possessive, and content with a string that never ends: each character is looked at once, whatever the text.
    for token in re.finditer(r'"(?:[^"\\]|\\.?)*+"?|[\[{]|[\]}]', text, flags=re.DOTALL):
        if token[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= 1
    return deepest


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise CertificateError("the same name stands twice in one object")
    return dict(pairs)


def loads(text: str) -> Certificate:
    """Read a certificate from JSON text.

    Parameters
    ----------
    text : str

    Returns
    -------
    Certificate

    Raises
    ------
    CertificateError
        The text is too long, too deep, not JSON, of an unknown format or kind, or a field is missing, unknown,
        of the wrong type or out of bounds.

    See Also
    --------
    relugeom.exact.check, relugeom.exact.load, relugeom.exact.dumps
    """
    if len(text) > LIMITS.characters:
        raise CertificateError(f"the text has {len(text)} characters; at most {LIMITS.characters} are read")
    if (depth := _depth(text)) > LIMITS.depth:
        raise CertificateError(f"the text nests {depth} levels deep; at most {LIMITS.depth} are read")
    try:
        data = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, CertificateError):
            raise
        raise CertificateError(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise CertificateError("a certificate must be a JSON object")
    if data.pop("format", None) != _FORMAT:
        raise CertificateError(f'"format" must be "{_FORMAT}"')
    kind = data.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise CertificateError(f'"kind" must be one of {", ".join(KINDS)}; got {kind!r:.60}')
    cls = KINDS[kind]
    names = {_IN_FILES.get(field, field): field for field in cls.codecs}
    if set(data) != set(names):
        missing, unknown = sorted(set(names) - set(data)), sorted(set(data) - set(names))
        raise CertificateError(f"{kind}: missing fields {missing}, unknown fields {unknown}"[:300])
    return cls(**{field: cls.codecs[field].read(data[name], f"{kind}.{name}") for name, field in names.items()})


def load(path: str | os.PathLike[str]) -> Certificate:
    """Read a certificate from a file, of which no more is read than a certificate may hold.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    Certificate

    Raises
    ------
    CertificateError
        The content cannot be read as a certificate.
    OSError
        The file cannot be opened.

    See Also
    --------
    relugeom.exact.check, relugeom.exact.loads, relugeom.exact.dumps
    """
    with open(path, "rb") as file:
        content = file.read(LIMITS.characters + 1)
    try:
        return loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise CertificateError("the file is not UTF-8 text") from None


def _refuse_constant(name: str) -> Any:
    raise CertificateError(f"{name} is not a rational number")
