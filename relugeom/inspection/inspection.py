"""What is my model? All that the package can say about one model, in one place.

`inspect` computes; `Inspection` holds the numbers, and prints them as a page, as HTML or as plain values. What a part
cannot do for a model is said in a line where that part would stand, and the rest is there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.axial import Axial, AxialData, UniformAxial
from relugeom.autoencoder.data import DenseExamples
from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.files import ModelFile
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters
from relugeom.errors import ArgumentError
from relugeom.exact.certificates import dumps
from relugeom.inspection.geometry import (
    CIRCLE,
    Shape,
    dimensionality,
    duplicates,
    interference,
    shape_of,
)
from relugeom.inspection.sums import (
    Recovery,
    Sums,
    recovery,
    sums_over_axes,
    sums_over_examples,
    sums_over_population,
)
from relugeom.landscape.natures import Nature, nature
from relugeom.records import Records

__all__ = ["Inspection", "describe_data", "inspect", "inspect_file"]

Floats = npt.NDArray[np.float64]

_ROUNDING = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
_MOST_POLISHED = 600  # parameters
_MOST_WORK = 100_000  # parameters times examples, for data that are not a·e_i
_MOST_SUMS = 1_000_000  # numbers in a Hessian's sums over sets: states times features cubed
_SAMPLE = 100_000  # examples of a population that is too large to sum over
_ZERO = 1e-10  # of the total loss
_STEEP = 1e-4  # of the norm of the parameters
_NULL = 1e-2  # norms up to this part of the largest count as 0


@dataclass(frozen=True, slots=True, eq=False)
class Inspection(Records):
    """Everything about one model.

    Attributes
    ----------
    name : str
    W, b, decoder : ndarray
        As given, b and the decoder None where there is none.
    dtype : str
        By whose rounding the tolerance was chosen.
    data : str
        What the data are, in words.
    tolerance : float
        What a pre-activation may have above 0 and still count as off.
    circle_tolerance : float
        Steps of norms up to it are within one circle.
    notes : tuple of str
        About the file, and about what could not be done.
    norms : ndarray, shape (n,)
    shape : Shape
    dimensionality, interference : ndarray, shape (n,)
    example_dimensionality : ndarray, shape (T,), or None
        None on data a·e_i, where it is that of the features.
    null, dead, duplicated : tuple of int
        ‖w_i‖ at most a hundredth of the largest; z_i < 0 on every example; equal to another column.
    sums : Sums
    recovery : Recovery
    bias_excess, slack : float or None
        The largest distance of b_i from 1 − ‖w_i‖², and the least w_i·(w_i − w_j) − 1: zero loss on X = I iff 0
        and not negative.
        None for untied models.
    nature : Nature
    """

    name: str
    W: Floats
    b: Floats | None
    decoder: Floats | None
    dtype: str
    data: str
    tolerance: float
    circle_tolerance: float
    notes: tuple[str, ...]
    norms: Floats
    shape: Shape
    dimensionality: Floats
    interference: Floats
    example_dimensionality: Floats | None
    null: tuple[int, ...]
    dead: tuple[int, ...]
    duplicated: tuple[int, ...]
    sums: Sums
    recovery: Recovery
    bias_excess: float | None
    slack: float | None
    nature: Nature

    @property
    def m(self) -> int:
        """Latent dimensions."""
        return int(self.W.shape[0])

    @property
    def n(self) -> int:
        """Features."""
        return int(self.W.shape[1])

    @property
    def loss(self) -> float:
        """(1/T) Σ_t ‖x_t − x'_t‖²."""
        return float(self.sums.feature_loss.sum())

    @property
    def zero_loss(self) -> bool | None:
        """Whether the loss on X = I is 0 up to the tolerance; None for untied models."""
        if self.bias_excess is None or self.slack is None:
            return None
        return self.bias_excess <= self.tolerance and self.slack >= -self.tolerance

    @property
    def type(self) -> str:
        """What to group models by: counts of features and circles, and the nature."""
        counts = {
            "recovered": int(self.recovery.recovered.sum()),
            "null": len(self.null),
            "dead": len(self.dead),
            "duplicated": len(self.duplicated),
        }
        radii = len(self.shape.radii)
        words = ", ".join(f"{count} {what}" for what, count in counts.items() if count or what == "recovered")
        from relugeom.inspection.page import answer

        circles = f"{radii} {'circle' if self.m == 2 else 'sphere'}{'s' * (radii != 1)}"
        return f"n = {self.n}, m = {self.m}: {words}; {circles}; {answer(self)}"

    @property
    def parameters(self) -> Parameters:
        """W, b and the decoder."""
        return Parameters(self.W, self.b, self.decoder)

    def text(self, width: int = 100) -> str:
        """The page, for a terminal."""
        from relugeom.inspection.page import text_page

        return text_page(self, width)

    def pictures(self) -> list[str]:
        """The names of the figures that show this model best (`relugeom.figures.draw` draws them)."""
        from relugeom.inspection.page import pictures_of

        return pictures_of(self)

    def html(self) -> str:
        """The page as one self-contained HTML text, with pictures."""
        from relugeom.inspection.page import html_page

        return html_page([self])

    def _repr_html_(self) -> str:
        from relugeom.inspection.page import html_part

        return html_part(self)

    def __repr__(self) -> str:
        return self.text()

    def records(self) -> list[dict[str, Any]]:
        """One mapping per feature: the columns of the table by feature."""
        n = self.n
        columns: dict[str, Any] = {
            "feature": np.arange(n),
            "norm": self.norms,
            "bias": np.zeros(n) if self.b is None else self.b,
            "circle": self.shape.labels,
            "dimensionality": self.dimensionality,
            "interference": self.interference,
            "loss": self.sums.feature_loss,
            "recovered": self.recovery.recovered,
            "from_amplitude": self.recovery.low,
            "own": self.recovery.own,
            "largest_other": self.recovery.other,
            "null": np.isin(np.arange(n), self.null),
            "dead": np.isin(np.arange(n), self.dead),
            "duplicated": np.isin(np.arange(n), self.duplicated),
        }
        return [
            dict(zip(columns, row, strict=True))
            for row in zip(*(list(c.tolist()) for c in columns.values()), strict=True)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: the whole page."""
        found = self.nature
        certificate = found.certificate
        return {
            "name": self.name, "m": self.m, "n": self.n, "tied": self.decoder is None, "bias": self.b is not None,
            "dtype": self.dtype, "data": self.data, "notes": list(self.notes), "type": self.type,
            "tolerance": self.tolerance, "circle_tolerance": self.circle_tolerance,
            "circles": [
                {"radius": radius, "features": count}
                for radius, count in zip(self.shape.radii, self.shape.counts, strict=True)
            ],
            "regular": self.shape.regular, "shape": self.shape.words,
            "gaps": None if self.shape.gaps is None else self.shape.gaps.tolist(),
            "null": list(self.null), "dead": list(self.dead), "duplicated": list(self.duplicated),
            "loss": self.loss, "gradient_norm": self.sums.gradient_norm,
            "recovered": int(self.recovery.recovered.sum()),
            "zero_loss": self.zero_loss, "bias_excess": self.bias_excess, "slack": self.slack,
            "kinks": self.sums.kinks, "kink_distance": self.sums.kink_distance,
            "nature": {
                "name": found.name, "reason": found.reason, "distance": found.distance, "loss": found.loss,
                "certificate": None if certificate is None else json.loads(dumps(certificate)),
                "uncertified": found.uncertified, "spurious": found.spurious, "one_sided": found.one_sided,
                "inertia": None if found.inertia is None else list(found.inertia),
            },
            "features": self.records(),
            "example_dimensionality": None if self.example_dimensionality is None
            else self.example_dimensionality.tolist(),
        }  # fmt: skip


def describe_data(data: Any, n: int) -> str:
    """The data in words."""
    if isinstance(data, Axial):
        if data.amplitudes == (1.0,):
            return "X = I, each feature once, alone"
        return "a·e_i, a in " + ", ".join(f"{a:.4g}" for a in data.amplitudes)
    if isinstance(data, UniformAxial):
        return "a·e_i, a uniform on (0, 1]"
    if isinstance(data, Independent):
        return _describe_law(data)
    T = len(data) if isinstance(data, np.ndarray) else data.T
    weighted = isinstance(data, DenseExamples) and data.importance is not None
    return f"{T} examples of {n} features" + (", weighed by importance" if weighted else "")


def _describe_law(law: Independent) -> str:
    """The data of *Toy Models of Superposition* in words."""
    values = "uniform on (0, 1]" if law.values == "uniform" else "1"
    text = f"independent features, each present with probability {law.density:.6g}, its value then {values}"
    if not (law.weights == 1).all():
        text += ", importance " + ", ".join(f"{w:.4g}" for w in law.weights[:8]) + (", ..." if law.n > 8 else "")
    for name in ("correlated", "anticorrelated"):
        if getattr(law, name):
            text += f", {name} " + ", ".join("-".join(map(str, group)) for group in getattr(law, name))
    return text + "; over the whole population"


def inspect(
    W: Any,
    b: Any = None,
    data: Any = None,
    *,
    decoder: Any = None,
    name: str = "",
    dtype: str | None = None,
    tolerance: float | None = None,
    circle_tolerance: float = CIRCLE,
    notes: tuple[str, ...] = (),
    certificates: bool = True,
) -> Inspection:
    """Say what a model is: its geometry, what it gives back, and what it is to the loss.

    Parameters
    ----------
    W : array, shape (m, n)
        Column i is feature i.
    b : array, shape (n,) or (n, 1), optional
    data : "identity", "uniform", AxialData, Independent, SparseExamples, DenseExamples or array (T, n), optional
        Default: X = I. An `Independent` of too many features to sum over is represented by 100,000 examples.
    decoder : array, shape (n, m), optional
        R of an untied model.
    name : str
        What to call it.
    dtype : str, optional
        The type in which it was trained; default: that of W. Rounding of that type sets the tolerance.
    tolerance : float, optional
        What a pre-activation may have above 0 and still count as off. Default: eight roundings of 1 + max ‖w_i‖².
    circle_tolerance : float
        Steps of norms up to this part of the largest are within one circle.
    notes : tuple of str
        To stand on the page.
    certificates : bool
        Whether to try for a certificate, in exact arithmetic.

    Returns
    -------
    Inspection
        Everything about the model; ``str`` of it is the page.

    Raises
    ------
    ArgumentError
        Shapes do not fit, or the data have another number of features.

    See Also
    --------
    relugeom.landscape.polish, relugeom.landscape.kind, relugeom.landscape.nature

    Examples
    --------
    >>> from relugeom.autoencoder import zero_loss_polygon
    >>> found = inspect(*zero_loss_polygon(5))
    >>> found.nature.name, int(found.recovery.recovered.sum()), found.shape.words.split(",")[0]
    ('global minimum', 5, 'a regular 5-gon')
    """
    kind = dtype or _dtype_name(W)
    W, bias, R = _model(W, b, decoder)
    n = W.shape[1]
    data, more = _data(data, n)
    notes = (*notes, *more)
    rounding = _ROUNDING.get(kind, 2.0**-52)
    norms = np.linalg.norm(W, axis=0)
    finite = all(np.isfinite(part).all() for part in (W, bias, R) if part is not None)
    if not finite:
        return _diverged_inspection(W, bias, R, data, name, kind, notes)
    largest = float(norms.max())
    tolerance = 8 * rounding * (1 + largest**2) if tolerance is None else float(tolerance)
    zeros = np.zeros(n) if bias is None else bias
    rows = np.ascontiguousarray(W.T) if R is None else R
    null = norms <= _NULL * largest
    options: dict[str, Any] = {"tied": R is None, "biased": bias is not None}
    over: Any = sums_over_axes if isinstance(data, AxialData) else sums_over_examples
    if isinstance(data, Independent):
        over = sums_over_population
        notes = (*notes, *_omissions(Parameters(W, bias, R), data))
    sums = over(W, zeros, rows, data, tolerance, **options)
    found = recovery(W, zeros, rows, null, tolerance)
    excess = slack = None
    if R is None:
        excess = float(np.abs(zeros - (1 - norms**2)).max())
        slack = float((norms**2 - found.overlap).min() - 1)
    return Inspection(
        name, W, bias, R, kind, describe_data(data, n), tolerance, circle_tolerance * largest, notes, norms,
        shape_of(W, null, circle_tolerance * largest), dimensionality(np.ascontiguousarray(W.T)), interference(W),
        None if isinstance(data, AxialData | Independent) else _example_dimensionality(W, data),
        tuple(np.flatnonzero(null).tolist()), tuple(np.flatnonzero(sums.highest < 0).tolist()), duplicates(W, null),
        sums, found, excess, slack, _nature(Parameters(W, bias, R), data, sums, certificates),
    )  # fmt: skip


def inspect_file(file: ModelFile, data: Any = None, **options: Any) -> Inspection:
    """`inspect` of a model from a file."""
    return inspect(
        file.model.W, file.model.b, data, decoder=file.model.decoder, name=file.name, dtype=file.dtype, **options
    )


def _dtype_name(W: Any) -> str:
    name = str(getattr(W, "dtype", "float64")).rpartition(".")[2]
    return name if name in _ROUNDING else "float64"


def _array(name: str, value: Any) -> Floats:
    """`value` as float64, whatever library it is of; gradients that are recorded with it are left behind."""
    value = value.detach() if hasattr(value, "detach") else value
    try:
        return np.asarray(to_numpy(value), dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"{name} must be an array of real numbers: {error!s:.100}") from None


def _model(W: Any, b: Any, decoder: Any) -> tuple[Floats, Floats | None, Floats | None]:
    W = _array("W", W)
    if W.ndim != 2 or 0 in W.shape:
        raise ArgumentError(f"W must have shape (m, n); got {W.shape}")
    m, n = W.shape
    bias = None if b is None else _array("b", b)
    if bias is not None:
        bias = bias[:, 0] if bias.shape == (n, 1) else bias
        if bias.shape != (n,):
            raise ArgumentError(f"b must have shape ({n},); got {bias.shape}")
    R = None if decoder is None else _array("decoder", decoder)
    if R is not None and R.shape != (n, m):
        raise ArgumentError(f"decoder must have shape (n, m) = ({n}, {m}); got {R.shape}")
    return W, bias, R


def _data(data: Any, n: int) -> tuple[Any, tuple[str, ...]]:
    """The data set, for n features, and what there is to say of it."""
    if data is None or (isinstance(data, str) and data == "identity"):
        return Axial(n), ()
    if isinstance(data, str):
        if data != "uniform":
            raise ArgumentError(f'data must be "identity", "uniform", a data set or an array (T, n); got {data!r:.40}')
        return UniformAxial(n), ()
    if isinstance(data, AxialData | SparseExamples | Independent | DenseExamples) and data.n != n:
        raise ArgumentError(f"data must have n = {n} features; got {data.n}")
    if isinstance(data, Independent) and not data.is_summable:
        text = (
            f"{_SAMPLE:,} examples stand in for the population, which has too many sets of active features to sum over"
        )
        return DenseExamples(data.examples(_SAMPLE, 0), data.weights), (text,)
    if isinstance(data, AxialData | SparseExamples | Independent):
        return data, ()
    X = _array("data", data.X if isinstance(data, DenseExamples) else data)
    if X.ndim != 2 or X.shape[1] != n or not len(X) or not np.isfinite(X).all():
        raise ArgumentError(f"data must be finite examples (T, {n}); got an array of shape {X.shape}")
    importance = data.importance if isinstance(data, DenseExamples) else None
    return (X if importance is None else DenseExamples(X, importance)), ()


def _omissions(model: Parameters, law: Independent) -> tuple[str, ...]:
    """What a sum over fewer sets may lack."""
    if law.most_active is None or law.most_active >= law.n:
        return ()
    return (
        f"examples of more than {law.most_active} active features are left out; they add at most "
        f"{float(law.rest(model)):.2g} to the loss",
    )


def _nature(model: Parameters, data: Any, sums: Sums, certificates: bool) -> Nature:
    """The nature; of a model that is too large to polish, what its loss and gradient tell, which are known already."""
    size = sum(part.size for part in (model.W, model.b, model.decoder) if part is not None)
    whole = isinstance(data, AxialData | Independent)
    examples = 1 if whole else len(data) if isinstance(data, np.ndarray) else data.T
    few = data.states * data.n**3 <= _MOST_SUMS if isinstance(data, Independent) else size * examples <= _MOST_WORK
    if size <= _MOST_POLISHED and few:
        return nature(model, data, certificates=certificates)
    value, slope = float(sums.feature_loss.sum()), sums.gradient_norm
    T = data.n if isinstance(data, AxialData) else examples
    norm = float(np.sqrt(sum((part**2).sum() for part in (model.W, model.b, model.decoder) if part is not None)))
    many = f"{data.states:,} states of the sum over sets" if isinstance(data, Independent) else f"{T:,} examples"
    why = f"not polished: with {size:,} parameters" + (f" and {many}" if size <= _MOST_POLISHED else "")
    if T * value < _ZERO * _size(data):
        name, reason = "global minimum", f"the total loss is {T * value:.2g}, 0 but for rounding, and none is less"
    elif slope > _STEEP * _size(data) * max(1.0, norm):
        name, reason = "not critical", f"the gradient norm is {slope:.2g}; {why} Newton's method would take too long"
    else:
        name, reason = "undecided", f"the gradient norm is {slope:.2g}; {why} Newton's method would take too long"
    certain: Any = name
    return Nature(
        certain,
        reason,
        model,
        0.0,
        value,
        T * value,
        slope,
        sums.kink_distance,
        uncertified="the model was not polished",
    )


def _size(data: Any) -> float:
    """What is small is small beside this: the mean of Σ I x², but at most 1."""
    if isinstance(data, AxialData):
        return 1.0
    if isinstance(data, SparseExamples):
        return min(1.0, float((data.values.astype(np.float64) ** 2).sum()) / data.T)
    if isinstance(data, Independent):
        return min(1.0, float(data.weights.sum()) * data.density / 3)
    X, weights = (data, np.ones(data.shape[1])) if isinstance(data, np.ndarray) else (data.X, data.importance)
    return min(1.0, float((X**2 @ weights).mean()))


def _example_dimensionality(W: Floats, X: Any) -> Floats:
    if isinstance(X, SparseExamples):
        columns = np.zeros((X.T, len(W)))
        rows = np.repeat(np.arange(X.T), np.diff(X.indptr))
        np.add.at(columns, rows, X.values[:, None].astype(np.float64) * W.T[X.indices])
        return dimensionality(columns)
    return dimensionality((X.X if isinstance(X, DenseExamples) else X) @ W.T)


def _diverged_inspection(
    W: Floats, b: Floats | None, R: Floats | None, data: Any, name: str, kind: str, notes: tuple[str, ...]
) -> Inspection:
    n = W.shape[1]
    unknown = np.full(n, np.nan)
    none = np.zeros(n, dtype=bool)
    return Inspection(
        name, W, b, R, kind, describe_data(data, n), 0.0, 0.0, notes, unknown,
        Shape((), (), np.full(n, -1), None, None, "no finite numbers"), unknown, unknown, None, (), (), (),
        Sums(unknown, unknown, 0, float("nan"), float("nan")),
        Recovery(none, none, unknown, unknown, np.zeros(n, np.int64), unknown, unknown, unknown), None, None,
        nature(Parameters(W, b, R), data),
    )  # fmt: skip
