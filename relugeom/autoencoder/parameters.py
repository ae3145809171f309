"""The numbers of a model, and the checks that every function makes before it computes with them.

The encoder W maps an example to its latent vector, the decoder R back to the n outputs: x' = ReLU(R W x + b). Tied,
R = Wᵀ, which is the model that this package is about; untied, R is a matrix of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from relugeom.arrays import Array, check_shape, device_of, floating_arrays, to_numpy
from relugeom.errors import ArgumentError
from relugeom.records import records_table

__all__ = ["Checked", "Parameters", "as_double", "as_parameters", "check_arrays", "flatten", "unflatten"]


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """The numbers of a model, or anything shaped like them: a gradient, a direction.

    Attributes
    ----------
    W : array, shape (..., m, n)
        Column i is the direction of feature i in the latent space.
    b : array, shape (..., n), or None
        The bias. ``None`` is a model without one: it computes with b = 0, and b is not among its parameters,
        so gradients carry ``None`` too and the Hessian has no rows for it. A column, shape (..., n, 1), is taken.
    decoder : array, shape (..., n, m), or None
        The decoder R. ``None`` ties it to Wᵀ: a change of W then changes both.

    Notes
    -----
    A tied model unpacks to W and b, an untied one to W, b and decoder, so that ``zones(*model)`` is right for either
    and ``W, b = model`` refuses to forget a decoder.

    Examples
    --------
    >>> W, b = Parameters([[1.0, -1.0]])
    >>> b is None
    True
    """

    W: Array
    b: Array = None
    decoder: Array = None

    def __iter__(self) -> Iterator[Any]:
        yield self.W
        yield self.b
        if self.decoder is not None:
            yield self.decoder

    def _repr_html_(self) -> str:
        W = np.asarray(to_numpy(self.W), dtype=np.float64)
        title = f"W {W.shape}" + ("" if self.b is None else ", b") + ("" if self.tied else ", decoder")
        if W.ndim != 2:
            return f"<p>{title}</p>"
        b = None if self.b is None else np.asarray(to_numpy(self.b), dtype=np.float64).ravel()
        return records_table(
            [
                {"feature": i, "w": ", ".join(f"{x:.6g}" for x in W[:8, i]) + (", ..." if len(W) > 8 else "")}
                | {"norm": float(np.linalg.norm(W[:, i]))}
                | ({} if b is None else {"b": float(b[i])})
                for i in range(W.shape[1])
            ],
            title,
        )

    @property
    def tied(self) -> bool:
        """Whether the decoder is Wᵀ."""
        return self.decoder is None


def as_double(model: Parameters) -> Parameters:
    """The model in NumPy's double precision."""
    parts = (model.W, model.b, model.decoder)
    return Parameters(*(None if part is None else np.asarray(part, np.float64) for part in parts))


def as_parameters(name: str, value: Any) -> Parameters:
    """`value` if it is `Parameters`, or a tuple of what makes them.

    Raises
    ------
    ArgumentError
        It is neither.
    """
    if isinstance(value, Parameters):
        return value
    if isinstance(value, tuple) and 1 <= len(value) <= 3:
        return Parameters(*value)
    raise ArgumentError(f"{name} must be Parameters(W, b, decoder); got {type(value).__name__}")


class Checked(NamedTuple):
    """A model as floating arrays of one library, whose shapes fit.

    Attributes
    ----------
    xp : module
        The namespace of the arrays.
    W : array, shape (..., m, n)
    b : array, shape (..., n)
        Zeros where the model has none.
    D : array, shape (..., m, n)
        The decoder with a column per feature: W itself if tied, else Rᵀ.
    biased, tied : bool
        Whether b and the decoder are parameters of their own.
    X : array, shape (..., T, n), or None
    V, c, U : array
        A direction in W, b and D, shaped like them; None where none was given. Tied, U is V.
    """

    xp: Any
    W: Array
    b: Array
    D: Array
    biased: bool
    tied: bool
    X: Array = None
    V: Array = None
    c: Array = None
    U: Array = None

    def like(self, W: Array, b: Array, D: Array) -> Parameters:
        """Parameters with those parts that this model has; D, a column per feature, becomes the decoder."""
        return Parameters(W, b if self.biased else None, None if self.tied else self.xp.matrix_transpose(D))


def check_arrays(parameters: Any, X: Any = None, direction: Any = None) -> Checked:
    """The arrays of a model, of examples X and of a direction, once their kinds and shapes are known to fit.

    Raises
    ------
    ArgumentError
        It says which array does not fit, what came and what was expected.
    """
    model = as_parameters("parameters", parameters)
    way = None if direction is None else as_parameters("direction", direction)
    if way is not None and (model.b is None) != (way.b is None):
        raise ArgumentError("direction must have a bias exactly where parameters has one")
    if way is not None and model.tied != way.tied:
        raise ArgumentError("direction must have a decoder exactly where parameters has one")
    V, c, U = (None, None, None) if way is None else (way.W, way.b, way.decoder)
    xp, W, b, R, X, V, c, U = floating_arrays(
        W=model.W, b=model.b, decoder=model.decoder, X=X, direction=V, direction_b=c, direction_decoder=U
    )
    check_shape("W", W, ("m", "n"))
    m, n = W.shape[-2:]
    biased, tied = b is not None, R is None
    b = _bias("b", xp, b, W)
    D = W if tied else _decoder("decoder", xp, R, m, n)
    if X is not None:
        check_shape("X", X, ("T", "n"), n=n)
    if way is not None:
        check_shape("direction.W", V, ("m", "n"), m=m, n=n)
        c = _bias("direction.b", xp, c, W)
        U = V if tied else _decoder("direction.decoder", xp, U, m, n)
    leading = {"W": W.shape[:-2], "b": b.shape[:-1], "decoder": () if tied else D.shape[:-2]}
    leading |= {"X": () if X is None else X.shape[:-2], "direction": () if way is None else V.shape[:-2]}
    _check_leading(leading)
    return Checked(xp, W, b, D, biased, tied, X, V, c, U)


def _bias(name: str, xp: Any, b: Any, W: Array) -> Array:
    """b with shape (..., n): a column is laid flat, None becomes zeros."""
    n = W.shape[-1]
    if b is None:
        return xp.zeros(n, dtype=W.dtype, device=device_of(W))
    if n > 1 and b.ndim > 1 and tuple(b.shape[-2:]) == (n, 1):
        b = b[..., 0]
    check_shape(name, b, ("n",), n=n)
    return b


def _decoder(name: str, xp: Any, R: Array, m: int, n: int) -> Array:
    check_shape(name, R, ("n", "m"), n=n, m=m)
    return xp.matrix_transpose(R)


def _check_leading(leading: dict[str, tuple[int, ...]]) -> None:
    """Raise `ArgumentError` unless the leading axes, the batches, broadcast."""
    try:
        np.broadcast_shapes(*leading.values())
    except ValueError:
        came = ", ".join(f"{name} {shape}" for name, shape in leading.items() if shape)
        raise ArgumentError(f"leading axes must be those of one batch; got {came}") from None


def flatten(parameters: Parameters) -> Array:
    """All parameters in one vector: W row by row, then b if there is one, then the decoder, row by row, if untied.

    Parameters
    ----------
    parameters : Parameters
        One model, or a batch on leading axes.

    Returns
    -------
    array, shape (..., p)
        p = mn, and n more for the bias, and nm more for the decoder.

    See Also
    --------
    relugeom.autoencoder.unflatten
    """
    at = check_arrays(parameters)
    xp, (m, n) = at.xp, at.W.shape[-2:]
    batch = np.broadcast_shapes(at.W.shape[:-2], at.b.shape[:-1], at.D.shape[:-2])
    parts = [xp.reshape(xp.broadcast_to(at.W, (*batch, m, n)), (*batch, m * n))]
    if at.biased:
        parts.append(xp.broadcast_to(at.b, (*batch, n)))
    if not at.tied:
        rows = xp.matrix_transpose(xp.broadcast_to(at.D, (*batch, m, n)))
        parts.append(xp.reshape(rows, (*batch, n * m)))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=-1)


def unflatten(vector: Array, m: int, n: int, *, untied: bool = False) -> Parameters:
    """The inverse of `flatten`, for a model with bias or without, as the length says.

    Parameters
    ----------
    vector : array, shape (..., p)
    m, n : int
    untied : bool
        Whether the vector ends with a decoder.

    Returns
    -------
    Parameters

    See Also
    --------
    relugeom.autoencoder.flatten
    """
    xp, vector = floating_arrays(vector=vector)
    check_shape("vector", vector, ("p",))
    *batch, p = vector.shape
    bare = m * n * (1 + untied)
    if p not in (bare, bare + n):
        raise ArgumentError(f"vector must have {bare + n} or {bare} entries for m = {m}, n = {n}; got {p}")
    W = xp.reshape(vector[..., : m * n], (*batch, m, n))
    b = vector[..., m * n : m * n + n] if p > bare else None
    return Parameters(W, b, xp.reshape(vector[..., p - n * m :], (*batch, n, m)) if untied else None)
