"""Steps that are decided by algebra: SymPy for identities and signs, the checker for certificates.

Each function returns a `Step`; nothing is computed until the judge asks. A step passes only when the answer is
a definite yes: SymPy's "I don't know" is a failure, with the remaining expression in the message.

A proof is built from few kinds of step:

- `identity`: two expressions are equal,
- `sign`: an expression is positive, non-negative, ... under the assumptions of its symbols,
- `trace_identity`: two traces of matrix products are equal, for matrices of every size,
- `between`: an angle lies in a range, for the signs of sine and cosine,
- `polynomial_sign`: a polynomial keeps its sign on an interval (exact, over ℚ or ℚ(√d)),
- `valid_certificate`: a certificate is valid,
- `all_cases`: a predicate holds on each of finitely many cases.

No kind takes floating-point numbers, wherever in its input they stand: what is computed with them is rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from relugeom.claims.verdicts import Step
from relugeom.errors import ArgumentError
from relugeom.exact import Certificate, Invalid, PolynomialSign, check

if TYPE_CHECKING:
    import sympy

__all__ = [
    "Relation",
    "all_cases",
    "between",
    "identity",
    "polynomial_certificate",
    "polynomial_sign",
    "prepare",
    "sign",
    "trace_identity",
    "valid_certificate",
]

Relation = Literal["> 0", ">= 0", "< 0", "<= 0", "!= 0"]

_PROPERTY: dict[str, str] = {
    "> 0": "is_positive",
    ">= 0": "is_nonnegative",
    "< 0": "is_negative",
    "<= 0": "is_nonpositive",
    "!= 0": "is_nonzero",
}


_ROUNDED = "a floating-point number proves nothing"
_UNDEFINED = "an infinite or undefined number stands in it"


def _fault_of(*inputs: Any) -> str:
    """Why a computation with these would prove nothing; empty where it may."""
    import sympy

    for value in inputs:
        if isinstance(value, float | complex) or getattr(getattr(value, "dtype", None), "kind", "") in ("f", "c"):
            return _ROUNDED
        if isinstance(value, dict):
            value = [*value.keys(), *value.values()]
        if isinstance(value, list | tuple | set | frozenset):
            if fault := _fault_of(*value):
                return fault
        elif isinstance(value, sympy.Basic | sympy.MatrixBase):
            if value.has(sympy.Float):
                return _ROUNDED
            if value.has(sympy.nan, sympy.zoo) or value in (sympy.oo, -sympy.oo):
                return _UNDEFINED
    return ""


def _exact(*inputs: Any) -> tuple[str, list[Any]]:
    """Why a computation would prove nothing, or none and the inputs as SymPy has them."""
    import sympy

    if fault := _fault_of(*inputs):
        return fault, []
    values = [sympy.sympify(value) for value in inputs]
    # What was no number before may be one now: a text, or a number of another library.
    return _fault_of(*values), values


def identity(claim: str, left: Any, right: Any) -> Step:
    """The two sides are equal, entry by entry for matrices, by exact simplification of left − right to 0.

    Parameters
    ----------
    claim : str
        What the step says, in words or a formula.
    left, right : SymPy expressions or matrices

    Returns
    -------
    Step
        Which the judge decides, in whatever process it runs.

    See Also
    --------
    relugeom.claims.steps.trace_identity, relugeom.claims.steps.sign, relugeom.claims.steps.between
    """

    def decide() -> bool | str:
        import sympy

        fault, sides = _exact(left, right)
        if fault:
            return fault
        difference = sides[0] - sides[1]
        entries = list(difference) if isinstance(difference, sympy.MatrixBase) else [difference]
        if not entries:
            return "the matrices have no entries"
        remaining = next((entry for entry in map(_simplify, entries) if entry != 0), None)
        return True if remaining is None else f"the sides differ by {remaining!s:.120}"

    return Step(claim, decide, "identity (SymPy)")


def _simplify(expression: sympy.Expr) -> sympy.Expr:
    """0 if one of the exact rewritings finds 0, else the last form reached."""
    import sympy

    rewritings: tuple[Callable[[Any], Any], ...] = (
        sympy.expand,
        lambda e: sympy.numer(sympy.together(e)).expand(),
        lambda e: sympy.expand(sympy.expand_trig(e)),
        lambda e: sympy.expand(e.rewrite(sympy.exp), power_exp=True),
        sympy.radsimp,
        sympy.simplify,
    )
    for rewrite in rewritings:
        form = rewrite(expression)
        if form == 0:
            return sympy.Integer(0)
    return form


def trace_identity(claim: str, left: Any, right: Any) -> Step:
    """tr left = tr right for SymPy matrix expressions whose dimensions may be symbols.

    Both sides are expanded into words in the matrices and their transposes. Two words have the same trace when
    one is a rotation of the other or of its transpose; the words must cancel in these classes.

    Parameters
    ----------
    claim : str
        What the step says, in words or a formula.
    left, right : SymPy matrix expressions

    Returns
    -------
    Step
        Which the judge decides, in whatever process it runs.

    See Also
    --------
    relugeom.claims.steps.identity, relugeom.claims.steps.sign, relugeom.claims.steps.between
    """

    def decide() -> bool | str:
        import sympy

        if fault := _fault_of(left, right):
            return fault
        # Words go by what SymPy would read them back from: a matrix may be named like the transpose of another.
        remaining: dict[tuple[str, ...], Any] = {}
        shown: dict[tuple[str, ...], str] = {}
        for term in sympy.Add.make_args(sympy.Trace(left - right).expand().doit()):
            coefficient, trace = term.as_independent(sympy.Trace)
            if term == 0:
                continue
            if not isinstance(trace, sympy.Trace):
                return f"not a trace: {term!s:.80}"
            factor, word = trace.arg.as_coeff_mmul()
            letters = sympy.MatMul.make_args(word)
            classes = (letters, tuple(sympy.transpose(letter) for letter in reversed(letters)))
            rotations = [w[k:] + w[:k] for w in classes for k in range(len(w))]
            named = {tuple(map(sympy.srepr, rotation)): rotation for rotation in rotations}
            name = min(named)
            shown[name] = "·".join(map(str, named[name]))
            remaining[name] = remaining.get(name, 0) + coefficient * factor
        left_over = next((name for name, value in remaining.items() if sympy.expand(value) != 0), None)
        return True if left_over is None else f"the traces differ by {remaining[left_over]}·tr({shown[left_over]})"

    return Step(claim, decide, "trace identity (SymPy)")


def sign(claim: str, expression: Any, relation: Relation) -> Step:
    """The sign of an expression follows from the assumptions on its symbols, perhaps after factoring.

    Parameters
    ----------
    claim : str
        What the step says, in words or a formula.
    expression : SymPy expression
    relation : {"> 0", ">= 0", "< 0", "<= 0", "!= 0"}

    Returns
    -------
    Step
        Which the judge decides, in whatever process it runs.

    Raises
    ------
    ArgumentError
        `relation` is not one of "> 0", ">= 0", "< 0", "<= 0", "!= 0".

    See Also
    --------
    relugeom.claims.steps.identity, relugeom.claims.steps.trace_identity, relugeom.claims.steps.between
    """

    if relation not in _PROPERTY:
        raise ArgumentError(f"relation must be one of {', '.join(map(repr, _PROPERTY))}; got {relation!r}")

    def decide() -> bool | str:
        import sympy

        fault, values = _exact(expression)
        if fault:
            return fault
        (given,) = values
        for form in (given, sympy.expand(given), sympy.factor(given), sympy.together(given)):
            if getattr(form, _PROPERTY[relation]) is True:
                return True
        return f"it does not follow that {given!s:.100} {relation}"

    return Step(claim, decide, f"sign {relation} (SymPy)")


def between(claim: str, low: Any, value: Any, high: Any) -> Step:
    """low ≤ value ≤ high, under the assumptions of the symbols: the range in which a sine or cosine is signed.

    Parameters
    ----------
    claim : str
        What the step says, in words or a formula.
    low, value, high : SymPy expressions or numbers

    Returns
    -------
    Step
        Which the judge decides, in whatever process it runs.

    See Also
    --------
    relugeom.claims.steps.identity, relugeom.claims.steps.trace_identity, relugeom.claims.steps.sign
    """

    def decide() -> bool | str:
        if fault := _fault_of(low, value, high):
            return fault
        for part, text in ((value - low, "below the range"), (high - value, "above the range")):
            if sign(claim, part, ">= 0").decide() is not True:
                return f"{value!s:.60} may lie {text}"
        return True

    return Step(claim, decide, "range (SymPy)")


def valid_certificate(claim: str, certificate: Certificate) -> Step:
    """The certificate is valid.

    Parameters
    ----------
    claim : str
        What the step says, in words or a formula.
    certificate : Certificate

    Returns
    -------
    Step
        Which the judge decides, in whatever process it runs.

    See Also
    --------
    relugeom.claims.steps.all_cases
    """

    def decide() -> bool | str:
        result = check(certificate)
        return result.reason if isinstance(result, Invalid) else True

    return Step(claim, decide, f"{certificate.kind} certificate")


def all_cases(claim: str, predicate: Callable[[Any], bool], cases: Iterable[Any]) -> Step:
    """The predicate is True on every case; there is at least one, and none is a floating-point number.

    Parameters
    ----------
    claim : str
        What the step says, in words or a formula.
    predicate : callable
        Takes one case and answers True or False.
    cases : iterable

    Returns
    -------
    Step
        Which the judge decides, in whatever process it runs.

    See Also
    --------
    relugeom.claims.steps.valid_certificate
    """
    listed = list(cases)

    def decide() -> bool | str:
        if not listed:
            return "there are no cases"
        if fault := _fault_of(*listed):
            return fault
        failing = next((case for case in listed if predicate(case) is not True), None)
        return True if failing is None else f"fails at {failing!s:.80}"

    return Step(claim, decide, f"all {len(listed)} cases")


def _surd(value: Any, radicand: int) -> tuple[Fraction, Fraction]:
    """A SymPy number (or int, Fraction) as (a, b) with value = a + b√d."""
    import sympy

    number = sympy.nsimplify(value) if isinstance(value, int) else sympy.sympify(value)
    root = sympy.Symbol("root")
    linear = sympy.expand(sympy.radsimp(sympy.expand(number))).subs(sympy.sqrt(radicand), root)
    coefficients = sympy.Poly(linear, root)
    if coefficients.degree() > 1:
        raise ArgumentError(f"{value} is not of the form a + b√{radicand}")
    b, a = (sympy.Rational(coefficients.coeff_monomial(root)), sympy.Rational(coefficients.coeff_monomial(1)))
    return Fraction(int(a.p), int(a.q)), Fraction(int(b.p), int(b.q))


def polynomial_certificate(
    polynomial: Any, variable: Any, breakpoints: Sequence[Any], *, strict: bool = True, radicand: int = 5
) -> PolynomialSign:
    """The certificate that a polynomial over ℚ(√d) is positive (non-negative) from the first to the last breakpoint.

    Parameters
    ----------
    polynomial : SymPy expression
        With coefficients in ℚ(√d).
    variable : SymPy symbol
    breakpoints : sequence of numbers in ℚ(√d)
        At least two, ascending.
    strict : bool
        Whether p > 0 is meant, or p ≥ 0.
    radicand : int
        d.

    Returns
    -------
    PolynomialSign

    See Also
    --------
    relugeom.claims.steps.polynomial_sign
    """
    import sympy

    coefficients = sympy.Poly(sympy.expand(polynomial), variable, extension=True).all_coeffs()[::-1]
    return PolynomialSign(
        coefficients=tuple(_surd(c, radicand) for c in coefficients),
        breakpoints=tuple(_surd(x, radicand) for x in breakpoints),
        radicand=radicand,
        strict=strict,
    )


def polynomial_sign(
    claim: str, polynomial: Any, variable: Any, breakpoints: Sequence[Any], *, strict: bool = True, radicand: int = 5
) -> Step:
    """p > 0 (≥ 0) on [first, last breakpoint]; add breakpoints between where one substitution is not enough.

    Parameters
    ----------
    claim : str
        What the step says, in words or a formula.
    polynomial : SymPy expression
        With coefficients in ℚ(√d).
    variable : SymPy symbol
    breakpoints : sequence of numbers in ℚ(√d)
        At least two, ascending.
    strict : bool
        Whether p > 0 is meant, or p ≥ 0.
    radicand : int
        d.

    Returns
    -------
    Step
        Which the judge decides, in whatever process it runs.

    See Also
    --------
    relugeom.claims.steps.polynomial_certificate
    """

    def decide() -> bool | str:
        fault, _ = _exact(polynomial, *breakpoints)
        if fault:
            return fault
        certificate = polynomial_certificate(polynomial, variable, breakpoints, strict=strict, radicand=radicand)
        result = check(certificate)
        return result.reason if isinstance(result, Invalid) else True

    return Step(claim, decide, "polynomial sign (checker)")


def prepare() -> None:
    """Decide a few small steps, so that what SymPy imports late and works out once is there before a fork."""
    import sympy

    x, n = sympy.Symbol("x", real=True), sympy.Symbol("n", positive=True)
    for step in (
        identity("Pythagoras", sympy.sin(x) ** 2 + sympy.cos(x) ** 2, 1),
        identity("two numbers that differ", sympy.sqrt(x**2 + 1) / (x + sympy.exp(x)), x),
        identity("a matrix", sympy.Matrix([x, 1]), sympy.Matrix([x, 1])),
        sign("a quotient", n / (n + 1), "> 0"),
        polynomial_sign("no root", x**2 + sympy.sqrt(5) * x + 2, x, [0, 1]),
    ):
        step.decide()
