"""Tests of relugeom.arrays."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import array_api_strict
import numpy as np
import pytest
import sympy

from relugeom.arrays import array_namespace, check_shape, device_of, floating_arrays, to_numpy
from relugeom.errors import ArgumentError


def test_plain_sequences_become_float64_numpy() -> None:
    _, W, b = floating_arrays(W=[[1, Fraction(1, 2)]], b=None)
    assert isinstance(W, np.ndarray)
    assert W.dtype == np.float64
    assert W.tolist() == [[1.0, 0.5]]
    assert b is None


@pytest.mark.parametrize("given", [sympy.Matrix([[1, 2]]), np.array([[Fraction(1), Fraction(2)]], dtype=object)])
def test_exact_matrices_become_float64(given: Any) -> None:
    assert floating_arrays(W=given)[1].tolist() == [[1.0, 2.0]]


def test_sequences_follow_the_arrays_beside_them(xp: Any) -> None:
    _, W, b = floating_arrays(W=xp.asarray([[1, 2]], "float32"), b=[0.5, 0.25])
    assert xp.owns(b)
    assert W.dtype == b.dtype == xp.namespace.float32


def test_integers_become_float64_and_dtypes_are_joined(xp: Any) -> None:
    assert floating_arrays(W=xp.asarray([[1]], "int64"))[1].dtype == xp.namespace.float64
    joined = floating_arrays(W=xp.asarray([[1]], "float32"), b=xp.asarray([1], "float64"))
    assert joined[1].dtype == joined[2].dtype == xp.namespace.float64


def test_to_numpy_gives_the_same_numbers(xp: Any) -> None:
    there = to_numpy(xp.asarray([[1, 2], [3, 4]]))
    assert isinstance(there, np.ndarray)
    assert there.tolist() == [[1, 2], [3, 4]]


def test_libraries_and_devices_are_not_mixed() -> None:
    here, strict = np.ones((1, 2)), array_api_strict.ones((1, 2))
    there = array_api_strict.ones(2, device=array_api_strict.Device("device1"))
    with pytest.raises(ArgumentError, match=r"one library.*numpy\.ndarray"):
        array_namespace(here, strict)
    with pytest.raises(ArgumentError, match=r"one device.*W on .*CPU.*b on .*device1"):
        floating_arrays(W=strict, b=there)
    assert device_of(there) == array_api_strict.Device("device1")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[1, 2], [3]], "W must be a rectangular array"),
        ("text", "W must be a rectangular array"),
        (np.ones((2, 2), dtype=complex), "W must hold real numbers; got dtype complex128"),
    ],
)
def test_what_is_no_real_array_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        floating_arrays(W=given)


def test_shapes_are_refused_by_name() -> None:
    check_shape("W", np.zeros((7, 2, 3)), ("m", "n"), n=3)
    with pytest.raises(ArgumentError, match=r"^W must have shape \(\.\.\., m, n\); got \(5,\)$"):
        check_shape("W", np.zeros(5), ("m", "n"))
    with pytest.raises(ArgumentError, match=r"^b must have shape \(\.\.\., n\) with n = 3; got \(4,\)$"):
        check_shape("b", np.zeros(4), ("n",), n=3)
    with pytest.raises(ArgumentError, match=r"got \(0, 3\)"):
        check_shape("W", np.zeros((0, 3)), ("m", "n"))


class Recorded:
    """An array that must be detached first, as a tensor that records derivatives must."""

    requires_grad = True

    def detach(self) -> np.ndarray:
        return np.ones((1, 2))


class Exported:
    """An array that speaks DLPack and nothing else."""

    def __dlpack__(self, **options: Any) -> Any:
        return np.arange(3.0).__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return np.arange(3.0).__dlpack_device__()


def test_wrapped_arrays_enter() -> None:
    np.testing.assert_array_equal(floating_arrays(W=Recorded())[1], np.ones((1, 2)))
    np.testing.assert_array_equal(to_numpy(Recorded()), np.ones((1, 2)))
    np.testing.assert_array_equal(floating_arrays(b=Exported())[1], [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(to_numpy(Exported()), [0.0, 1.0, 2.0])
