"""Fixtures and profiles for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import array_api_compat
import array_api_strict
import numpy as np
import pytest
from hypothesis import settings

from relugeom.arrays import device_of, to_numpy

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "default")

# A shell that starts the tests in the background has them ignore Ctrl-C, and every program that they start would too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _floating_point_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    """Floating-point errors raise in every test, but for those that name one: `floating_point(under="ignore")`."""
    marker = request.node.get_closest_marker("floating_point")
    with np.errstate(**{"all": "raise", **(marker.kwargs if marker else {})}):
        yield


@dataclass(frozen=True)
class Tier:
    """How much of a random test to run: a sample in the default run, all of it under ``-m long``.

    RELUGEOM_TEST_MULTIPLIER scales both, for long nights (10) and for runs that are repeated often (0.1).
    """

    name: str
    capture: pytest.CaptureFixture[str]

    def count(self, quick: int, full: int) -> int:
        """How many cases to run."""
        multiplier = float(os.environ.get("RELUGEOM_TEST_MULTIPLIER", "1"))
        return max(1, round(multiplier * (full if self.name == "long" else quick)))

    def tell(self, figure: str) -> None:
        """Print a figure of the run, whether or not output is captured."""
        with self.capture.disabled():
            print(f" [{figure}] ", end="", flush=True)


@pytest.fixture(params=["quick", pytest.param("long", marks=pytest.mark.long)])
def tier(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Tier:
    """Both tiers of a random test; the default run leaves the long one out."""
    return Tier(request.param, capsys)


@dataclass(frozen=True)
class ArrayKind:
    """One kind of array to run a test with: how to make one, and how to see that one is of this kind."""

    name: str
    namespace: Any
    device: Any = None
    read_only: bool = False

    def asarray(self, array: Any, dtype: str = "float64") -> Any:
        made = self.namespace.asarray(
            np.array(array, dtype=np.float64), dtype=getattr(self.namespace, dtype), device=self.device
        )
        if self.read_only:
            made.flags.writeable = False
        return made

    def owns(self, array: Any) -> bool:
        return array_api_compat.array_namespace(array) is self.namespace and (
            self.device is None or device_of(array) == self.device
        )

    def to_numpy(self, array: Any) -> Any:
        assert self.owns(array), f"{type(array)} is no array of {self.name}"
        return to_numpy(array)


def _cupy() -> ArrayKind:
    try:
        import cupy
    except ImportError as error:
        pytest.skip(f"CuPy cannot be imported: {error}")
    try:
        total = float(cupy.arange(4.0).sum().get())
    except Exception as error:  # what CuPy raises without a device depends on its version
        pytest.skip(f"CuPy finds no working GPU: {error}")
    assert total == 6.0
    return ArrayKind("cupy", array_api_compat.array_namespace(cupy.empty(0)))


@pytest.fixture(
    params=[
        "numpy",
        "numpy-read-only",
        "strict",
        "strict-device1",
        pytest.param("cupy", marks=pytest.mark.gpu),
    ]
)
def xp(request: pytest.FixtureRequest) -> Iterator[ArrayKind]:
    """Every kind of array the package promises to work with, one after the other."""
    numpy = array_api_compat.array_namespace(np.empty(0))
    match request.param:
        case "numpy":
            yield ArrayKind("numpy", numpy)
        case "numpy-read-only":
            yield ArrayKind("read-only numpy", numpy, read_only=True)
        case "strict":
            yield ArrayKind("array-api-strict", array_api_strict)
        case "strict-device1":
            yield ArrayKind("array-api-strict on device1", array_api_strict, array_api_strict.Device("device1"))
        case "cupy":
            yield _cupy()
