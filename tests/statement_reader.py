"""The sentences of certificates, read as a person reads them: every word and number is taken from the text alone.

`holds(sentence, certificate)` takes the sentence apart and tries whether it is so: by all inputs, by the package's own
loss, by looking for the critical point, with the numbers as they are printed. Only the matrices, which the sentence
calls the model, come from the certificate. Nothing is shared with the checker or with what writes the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.optimize
import sympy

from relugeom.autoencoder import Axial, Parameters, UniformAxial, gradient, hessian, loss, total_loss
from tests.certificate_oracle import spread

__all__ = ["holds"]

Floats = npt.NDArray[np.float64]

_OUTPUT = r"ReLU\((?P<product>WᵀW|RW)x(?P<bias> \+ b)?\)"
_ONES = r"(?:(?P<one>exactly one 1)|at most (?P<most>\d+) ones?|1 to (?P<upto>\d+) ones)"
_SHAPE = r"\(m = (?P<m>\d+), n = (?P<n>\d+)\)"
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"


def holds(sentence: str, certificate: Any) -> bool:
    """Whether the sentence is true of the matrices of the certificate, as far as trying can tell."""
    readings = [(match, try_it) for form, try_it in _FORMS if (match := re.fullmatch(form, sentence))]
    assert len(readings) == 1, f"{len(readings)} ways to read: {sentence}"
    match, try_it = readings[0]
    words = match.groupdict()
    if "m" in words and hasattr(certificate, "encoder"):
        shape = (len(certificate.encoder), len(certificate.encoder[0]))
        if shape != (int(words["m"]), int(words["n"])):
            return False
    return try_it(words, certificate)


def _floats(rows: Any) -> Floats:
    return np.array([[float(x) for x in row] for row in rows])


def _outputs(words: dict[str, str], c: Any, x: list[Fraction]) -> list[Fraction]:
    """What the text calls the output; a bias that the text does not name is none."""
    n = len(x)
    latent = [sum((row[j] * x[j] for j in range(n)), Fraction(0)) for row in c.encoder]
    decoder = c.decoder if words["product"] == "RW" else [[row[j] for row in c.encoder] for j in range(n)]
    bias = c.bias if words["bias"] else [Fraction(0)] * n
    if decoder is None or bias is None:
        return []  # the text speaks of what the model does not have
    return [
        max(sum((r * h for r, h in zip(row, latent, strict=True)), b), Fraction(0))
        for row, b in zip(decoder, bias, strict=True)
    ]


def _supports(words: dict[str, str], n: int) -> Iterator[set[int]]:
    """The inputs that the text speaks of."""
    most = 1 if words["one"] else int(words["most"] or words["upto"])
    for size in range(0 if words["most"] else 1, most + 1):
        yield from map(set, combinations(range(n), size))


def _axis(n: int, i: int, a: Fraction = Fraction(1)) -> list[Fraction]:
    return [a * (j == i) for j in range(n)]


def _support(words: dict[str, str], c: Any) -> bool:
    n = int(words["n"])
    return all(
        {j for j, y in enumerate(_outputs(words, c, [Fraction(j in S) for j in range(n)])) if y > 0} == S
        for S in _supports(words, n)
    )


def _amplitudes(words: dict[str, str], c: Any) -> bool:
    n, t = int(words["n"]), Fraction(words["threshold"])
    tried = [t + (1 - t) * share for share in (Fraction(1, 10**12), Fraction(1, 3), Fraction(7, 8), Fraction(1))]
    return all(
        {j for j, y in enumerate(_outputs(words, c, _axis(n, i, a))) if y > 0} == {i} for i in range(n) for a in tried
    )


def _exact(words: dict[str, str], c: Any) -> bool:
    n = int(words["n"])
    return all(_outputs(words, c, _axis(n, i)) == _axis(n, i) for i in range(n))


def _rank(words: dict[str, str], c: Any) -> bool:
    A = sympy.Matrix([[sympy.Rational(x.numerator, x.denominator) for x in row] for row in c.matrix])
    return A.shape == (int(words["rows"]), int(words["columns"])) and A.rank() <= int(words["rank"])


def _pair(words: dict[str, str], c: Any) -> bool:
    columns = [[row[j] for row in c.encoder] for j in range(int(words["n"]))]
    i = int(words["fails"])
    axis = _axis(int(words["n"]), i)
    recovered = {j for j, y in enumerate(_outputs({"product": "WᵀW", "bias": ""}, _Tied(c), axis)) if y > 0} == {i}
    if words["zero"] is not None:
        return int(words["zero"]) == i and not any(columns[i]) and not recovered
    u, v = columns[int(words["left"])], columns[int(words["right"])]
    return int(words["left"]) == i and sum(a * b for a, b in zip(u, v, strict=True)) > 0 and not recovered


class _Tied:
    """A model of which there is only W."""

    def __init__(self, c: Any) -> None:
        self.encoder, self.decoder, self.bias = c.encoder, None, None


def _no_row(words: dict[str, str], c: Any) -> bool:
    """No (r, b) with r·Wx + b ≥ t > 0 where x_i = 1 and ≤ 0 elsewhere: the largest t ≤ 1 is 0."""
    W, n, i = _floats(c.encoder), int(words["n"]), int(words["feature"])
    bias = bool(words["with_bias"])
    if bias != (words["value"] == "r·Wx + b"):
        return False
    rows, limits = [], []
    for S in _supports(words, n):
        code = [*(W[:, sorted(S)].sum(axis=1)), float(bias)]
        rows.append([*(-np.array(code)), 1.0] if i in S else [*code, 0.0])
        limits.append(0.0)
    goal = [0.0] * (len(W) + 1) + [-1.0]
    free = [(-1e6, 1e6)] * (len(W) + 1) + [(None, 1.0)]
    found = scipy.optimize.linprog(goal, A_ub=rows, b_ub=limits, bounds=free)
    return bool(found.x[-1] < 1e-7)


def _polynomial(words: dict[str, str], c: Any) -> bool:
    def number(text: str) -> sympy.Expr:
        return sympy.sympify(re.sub(r"√(\d+)", r"sqrt(\1)", text.replace("−", "-").replace("·", "*")))

    x = sympy.Symbol("x")
    text = re.sub(r"√(\d+)", r"sqrt(\1)", words["polynomial"].replace("−", "-").replace("·", "*").replace("^", "**"))
    p = sympy.sympify(text, rational=True)
    low, high = number(words["low"]), number(words["high"])
    for k in range(65):
        value = p.subs(x, low + (high - low) * sympy.Rational(k, 64)) if p.has(x) else p
        sign = sympy.N(value, 60)
        if sign < -(10**-40) or (words["relation"] == ">" and sympy.N(value, 60) <= 10**-40):
            return False
    return True


def _sum_on_axes(words: dict[str, str], c: Any) -> bool:
    n = int(words["n"])
    total = sum(
        (y - x) ** 2 for i in range(n) for y, x in zip(_outputs(words, c, _axis(n, i)), _axis(n, i), strict=True)
    )
    if words["exact"] != "the stated value" and Fraction(words["exact"]) != total:
        return False
    return words["about"] is None or float(f"{float(total):.6g}") == float(words["about"])


def _critical(words: dict[str, str], c: Any) -> bool:
    """Newton's method, the named entries held at 0, from the stated model; then everything that is said of its end."""
    m, n = int(words["m"]), int(words["n"])
    data: Any = UniformAxial(n)
    if words["grid"]:
        grid = [float(Fraction(a)) for a in words["grid"].split(", ")]
        weights = None if words["equal"] else [float(Fraction(p)) for p in words["weights"].split(" : ")]
        if len(set(grid)) != len(grid):
            return False
        data = Axial(n, grid, weights)
    held = set()
    for entries, feature in re.findall(r"entr(?:y|ies) ([\d, ]+) of w_(\d+)", words["held"] or ""):
        held |= {int(a) * n + int(feature) for a in entries.split(", ")}
    if len(held) != m * (m - 1) // 2:  # as many as the rotations have dimensions
        return False
    free = np.array([q for q in range(m * n + n) if q not in held])
    centre = np.concatenate([_floats(c.encoder).ravel(), _floats([c.bias])[0]])
    if centre[sorted(held)].any():
        return False

    def model(point: Floats) -> Parameters:
        return Parameters(point[: m * n].reshape(m, n), point[m * n :])

    point = centre.copy()
    for _ in range(60):
        slope = gradient(model(point), data)
        g = np.concatenate([np.ravel(slope.W), np.ravel(slope.b)])[free]
        H = np.asarray(hessian(model(point), data))[np.ix_(free, free)]
        point[free] -= np.linalg.solve(H, g)
    curvatures = np.linalg.eigvalsh(np.asarray(hessian(model(point), data))[np.ix_(free, free)])
    distance, height = float(np.linalg.norm(point - centre)), float(loss(model(point), data))
    if np.abs(g).max() > 1e-12 or distance > float(Fraction(words["radius"])) + 1e-15:
        return False
    negative = int(words["negative"] or 0)
    if int((curvatures < 0).sum()) != negative or bool(words["minimum"]) != (negative == 0):
        return False
    if not float(words["low"]) - 1e-15 <= height <= float(words["high"]) + 1e-15:
        return False
    if words["better"]:
        other = Parameters(_floats(c.better_encoder), _floats([c.better_bias])[0])
        return float(loss(other, data)) < height
    return True


def _dead(words: dict[str, str], c: Any) -> bool:
    n, count = int(words["n"]), int(words["count"])
    outputs = [_outputs(words, _WithBias(c), _axis(n, i)) for i in range(n)]
    zero = [j for j in range(n) if all(y[j] == 0 for y in outputs)]
    exact = [j for j in range(n) if all(outputs[i][j] == (i == j) for i in range(n))]
    value = sum((outputs[i][j] - (i == j)) ** 2 for i in range(n) for j in range(n))
    if len(zero) != count or len(exact) != n - count or value != int(words["value"]):
        return False
    rng, W, b = np.random.default_rng(0), _floats(c.encoder), _floats([c.bias])[0]
    steps = [(rng.standard_normal(W.shape), rng.standard_normal(n)) for _ in range(50)]
    # Near enough, nothing is lower; outputs that are 0 by a hair need a hair's breadth.
    return all(
        float(total_loss(Parameters(W + 1e-9 * dW, b + 1e-9 * db), Axial(n))) > count - 1e-12 for dW, db in steps
    )


class _WithBias:
    def __init__(self, c: Any) -> None:
        self.encoder, self.decoder, self.bias = c.encoder, None, c.bias


def _polygon(words: dict[str, str], c: Any) -> bool:
    """Among regular n-gons the least loss, its norm and its bias; of other models some are tried."""
    n = int(words["corners"])
    assert words["polygon"] == {5: "pentagon", 6: "hexagon"}[n]
    angles = 2 * np.pi * np.arange(n) / n

    def regular(v: Floats) -> float:
        W = np.sqrt(v[0]) * np.array([np.cos(angles), np.sin(angles)])
        return float(total_loss(Parameters(W, np.full(n, v[1])), UniformAxial(n)))

    best = scipy.optimize.minimize(regular, [1.2, -0.2], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-16})
    found = {"least": best.fun, "norm": best.x[0], "b": best.x[1]}
    inside = all(
        float(words[f"{name}_low"]) - slack <= value <= float(words[f"{name}_high"]) + slack
        for (name, value), slack in zip(found.items(), (1e-13, 1e-6, 1e-6), strict=True)
    )
    rng = np.random.default_rng(0)
    others = [Parameters(rng.standard_normal((2, n)), rng.standard_normal(n)) for _ in range(200)]
    return inside and all(float(total_loss(model, UniformAxial(n))) >= best.fun - 1e-12 for model in others)


def _directions(words: dict[str, str], c: Any) -> bool:
    """Of some sets of so many directions, spread as far as descents bring them, each has two that are so close."""
    n, m = int(words["points"]), int(words["dimension"])
    cosine = float(sympy.sympify(re.sub(r"√(\d+)", r"sqrt(\1)", words["cosine"].replace("·", "*").replace("−", "-"))))
    return cosine <= spread(m, n) + 1e-9


_FORMS: list[tuple[str, Callable[[dict[str, str], Any], bool]]] = [
    (rf"{_OUTPUT} has exactly the support of x for every 0/1 input x with {_ONES} {_SHAPE}", _support),
    (rf"{_OUTPUT} has exactly the support of x = a·e_i for every i and every a with "
     rf"(?P<threshold>-?\d+(?:/\d+)?) < a ≤ 1 {_SHAPE}", _amplitudes),
    (rf"{_OUTPUT} = x exactly for every axis vector x = e_i {_SHAPE}", _exact),
    (r"the (?P<rows>\d+)×(?P<columns>\d+) matrix A has rank at most (?P<rank>\d+)", _rank),
    (r"(?:w_(?P<zero>\d+) = 0|w_(?P<left>\d+)·w_(?P<right>\d+) > 0), so ReLU\(WᵀWx\) does not recover the support of "
     rf"x = e_(?P<fails>\d+) {_SHAPE}", _pair),
    (r"no decoder row r (?P<with_bias>and no bias b )?makes (?P<value>r·Wx(?: \+ b)?) positive exactly when "
     rf"x_(?P<feature>\d+) = 1, over the 0/1 inputs x with {_ONES} {_SHAPE}", _no_row),
    (r"(?P<polynomial>.+) (?P<relation>[>≥]) 0 for all x in \[(?P<low>[^,]+), (?P<high>[^,]+)\]", _polynomial),
    (rf"the sum over i of ‖{_OUTPUT} − x‖² at x = e_i is (?P<exact>the stated value|\d+(?:/\d+)?)"
     rf"(?: ≈ (?P<about>{_NUMBER}))? {_SHAPE}", _sum_on_axes),
    (r"the loss, the mean of ‖ReLU\(WᵀWx \+ b\) − x‖² over x = a·e_i for every i, a (?:uniform on \(0, 1\]|"
     r"in \{(?P<grid>[^}]+)\} with (?:(?P<equal>equal weights)|weights (?P<weights>[\d/ :]+))), has exactly one "
     rf"critical point \(W, b\) at distance at most (?P<radius>\d+(?:/\d+)?) from the stated model {_SHAPE}"
     r"(?: among the models with (?P<held>.+) equal to 0)?; up to rotation it is "
     r"(?:(?P<minimum>a strict local minimum)|"
     rf"no minimum \(negative curvatures: (?P<negative>\d+)\)), with loss between (?P<low>{_NUMBER}) and "
     rf"(?P<high>{_NUMBER})(?P<better>, and another model has lower loss)?", _critical),
    (rf"{_OUTPUT}, (?P<count>\d+) of its outputs 0 on every axis and the others exact, is a local minimum of "
     rf"Σ_i ‖ReLU\(WᵀWe_i \+ b\) − e_i‖², with value (?P<value>\d+) {_SHAPE}", _dead),
    (r"for every W \(m = 2, n = (?P<corners>\d)\) and b, Σ_i E_a ‖ReLU\(WᵀWx \+ b\) − x‖² at x = a·e_i, a uniform on "
     r"\[0, 1\], is at least F\*, and equal to F\* exactly where the w_j are the corners of a regular "
     r"(?P<polygon>\w+) with ‖w_j‖² = s\* and "
     rf"b_j = b\* for all j, for some F\* in \[(?P<least_low>{_NUMBER}), (?P<least_high>{_NUMBER})\], s\* in "
     rf"\[(?P<norm_low>{_NUMBER}), (?P<norm_high>{_NUMBER})\] and b\* in "
     rf"\[(?P<b_low>{_NUMBER}), (?P<b_high>{_NUMBER})\]",
     _polygon),
    (r"among any (?P<points>\d+) unit vectors in (?P<dimension>\d+) dimensions two have an inner product of at least "
     r"(?P<cosine>[-\d/ +−·√]+)", _directions),
]  # fmt: skip
