"""Arrays of any kind: find the namespace, make them floating, check their shape, bring them to NumPy.

A public function starts with ``xp, W, b = floating_arrays(W=W, b=b)`` and from there on speaks the array API
standard, so the kind of array that came in goes out. `to_numpy` is the one place where an array leaves its
device: linear programs, exact arithmetic, pictures and files call it, and nothing else does.
"""

from __future__ import annotations

from numbers import Rational
from typing import Any, TypeAlias

import array_api_compat
import numpy as np
import numpy.typing as npt

from relugeom.errors import ArgumentError

__all__ = [
    "Array",
    "array_namespace",
    "check_shape",
    "detach",
    "device_of",
    "floating_arrays",
    "is_exact",
    "to_numpy",
]

Array: TypeAlias = Any
"""Any array of the array API standard: NumPy, CuPy, array-api-strict; they have no common type."""


def _is_native(array: Any) -> bool:
    """Whether `array` is an array of numbers; lists, and NumPy arrays of objects (`Fraction`), are not."""
    if not array_api_compat.is_array_api_obj(array):
        return False
    return not (array_api_compat.is_numpy_array(array) and array.dtype == object)


def array_namespace(*arrays: Any) -> Any:
    """The array-API namespace that the arrays share.

    Parameters
    ----------
    *arrays : array, sequence of numbers or None
        ``None`` is passed over; plain sequences go along with the arrays, and alone they mean NumPy.

    Raises
    ------
    ArgumentError
        The arrays come from different libraries.
    """
    native = [array for array in arrays if _is_native(array)]
    if not native:
        return array_api_compat.array_namespace(np.empty(0))
    try:
        return array_api_compat.array_namespace(*native)
    except TypeError as error:
        kinds = ", ".join(sorted({f"{type(array).__module__}.{type(array).__name__}" for array in native}))
        raise ArgumentError(f"arrays of one library are expected; got {kinds}") from error


def detach(array: Any) -> Any:
    """`array` without a record of derivatives (PyTorch's parameters carry one), and out of any wrapper that speaks
    DLPack alone; everything else as it is."""
    if getattr(array, "requires_grad", False):
        return array.detach()
    if hasattr(array, "__dlpack__") and not array_api_compat.is_array_api_obj(array):
        return np.asarray(array) if hasattr(array, "__array__") else np.from_dlpack(array)
    return array


def is_exact(*arrays: Any) -> bool:
    """Whether all numbers are exact: `fractions.Fraction` or integers in sequences, integer arrays, SymPy's matrices.

    Examples
    --------
    >>> is_exact([[1, -1]], None), is_exact([[1.0]])
    (True, False)
    """
    return all(array is None or _is_exact(array) for array in arrays)


def _is_exact(array: Any) -> bool:
    if _is_native(array):
        xp = array_api_compat.array_namespace(array)
        return bool(xp.isdtype(array.dtype, ("bool", "integral")))
    if isinstance(array, list | tuple):
        return all(map(_is_exact, array))
    if isinstance(array, np.ndarray):  # of objects
        return all(map(_is_exact, array.flat))
    # A SymPy matrix or number holds no floats unless it says so.
    return isinstance(array, int | Rational) or (hasattr(array, "free_symbols") and not array.has(_sympy_float()))


def _sympy_float() -> Any:
    from sympy import Float

    return Float


def device_of(array: Array) -> Any:
    """The device that holds `array`, fit for the ``device=`` argument of a creation function."""
    return array_api_compat.device(array)


def floating_arrays(**arrays: Any) -> tuple[Any, ...]:
    """The shared namespace, followed by the arrays in one real floating dtype, on one device.

    Integers become float64. Plain sequences (nested lists, of `fractions.Fraction` too) take the dtype and
    the device of the arrays beside them, and float64 on their own. ``None`` stays ``None``. Nothing moves
    between devices.

    Raises
    ------
    ArgumentError
        An argument is no rectangular array of real numbers, or the arrays differ in library or device.

    Examples
    --------
    >>> xp, W, b = floating_arrays(W=[[1, 0], [0, 1]], b=None)
    >>> W.dtype, b
    (dtype('float64'), None)
    """
    arrays = {name: detach(array) for name, array in arrays.items()}
    xp = array_namespace(*arrays.values())
    native = {name: array for name, array in arrays.items() if _is_native(array)}
    for name, array in native.items():
        if not xp.isdtype(array.dtype, ("bool", "integral", "real floating")):
            raise ArgumentError(f"{name} must hold real numbers; got dtype {array.dtype}")
    devices = {name: device_of(array) for name, array in native.items()}
    device = next(iter(devices.values()), None)
    if any(other != device for other in devices.values()):
        placed = ", ".join(f"{name} on {where}" for name, where in devices.items())
        raise ArgumentError(f"arrays on one device are expected; got {placed}")
    floats = [array.dtype for array in native.values() if xp.isdtype(array.dtype, "real floating")]
    dtype = xp.result_type(*floats) if floats else xp.float64

    def floating(name: str, array: Any) -> Any:
        if array is None:
            return None
        if name in native:
            return xp.astype(array, dtype, copy=False)
        try:
            numbers = np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError, RuntimeError) as error:
            raise ArgumentError(f"{name} must be a rectangular array of real numbers: {error}") from error
        return xp.asarray(numbers, dtype=dtype, device=device)

    return xp, *(floating(name, array) for name, array in arrays.items())


def check_shape(name: str, array: Array, axes: tuple[str, ...], **sizes: int) -> None:
    """Raise `ArgumentError` unless `array` ends in the named axes, none of them empty, with the given sizes.

    Examples
    --------
    >>> check_shape("W", np.zeros(5), ("m", "n"))
    Traceback (most recent call last):
        ...
    relugeom.exact.errors.ArgumentError: W must have shape (..., m, n); got (5,)
    >>> check_shape("X", np.zeros((4, 3)), ("T", "n"), n=5)
    Traceback (most recent call last):
        ...
    relugeom.exact.errors.ArgumentError: X must have shape (..., T, n) with n = 5; got (4, 3)
    """
    shape = tuple(array.shape)
    last = shape[-len(axes) :]
    if len(last) < len(axes) or any(
        size == 0 or size != sizes.get(axis, size) for axis, size in zip(axes, last, strict=True)
    ):
        given = " and ".join(f"{axis} = {sizes[axis]}" for axis in axes if axis in sizes)
        raise ArgumentError(
            f"{name} must have shape (..., {', '.join(axes)}){' with ' + given if given else ''}; got {shape}"
        )


def to_numpy(array: Any) -> npt.NDArray[Any]:
    """`array` in the host's memory: the one declared edge where arrays of other kinds become NumPy's.

    NumPy arrays pass through uncopied, so treat the result as read-only.
    """
    array = detach(array)
    if array_api_compat.is_cupy_array(array):
        return array.get()  # type: ignore[no-any-return]
    if array_api_compat.is_array_api_obj(array) and not array_api_compat.is_numpy_array(array):
        return np.from_dlpack(array)
    return np.asarray(array)
