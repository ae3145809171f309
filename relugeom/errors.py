"""What can go wrong, by name.

Every error that relugeom raises on purpose derives from `RelugeomError`, but for those that Python's own protocols
ask for: ``TypeError`` for the truth value of a verdict, ``AttributeError`` for a name that a module lacks. The leaves
also derive from the built-in exception a caller would expect, so ``except ValueError`` keeps working. Messages name
the argument, what came and what was expected: ``W must have shape (..., m, n); got (5,)``.

A mathematical "no" is a value, never an exception. The first three live with the checker, which imports nothing from
the rest of the package.
"""

from __future__ import annotations

from relugeom.exact.errors import ArgumentError, CertificateError, RelugeomError

__all__ = [
    "ArgumentError",
    "CertificateError",
    "ConjectureError",
    "DeviceError",
    "KinkError",
    "RelugeomError",
    "StorageError",
    "WorkerError",
]


class KinkError(RelugeomError, ValueError):
    """A derivative was asked for at a point too close to a kink of the ReLU."""


class ConjectureError(RelugeomError, RuntimeError):
    """A conjecture is declared wrongly or returned something that is not an outcome."""


class StorageError(RelugeomError, RuntimeError):
    """A stored file is damaged, of another version, or could not be written."""


class WorkerError(RelugeomError, RuntimeError):
    """A worker process or a cluster was lost, and trying again did not help."""


class DeviceError(RelugeomError, RuntimeError):
    """A GPU was asked for and is not there, or its kernels cannot be compiled or compute something wrong."""
