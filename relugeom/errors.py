"""What can go wrong, by name.

Every error that relugeom raises on purpose derives from `RelugeomError`. The leaves also derive from the
built-in exception a caller would expect, so ``except ValueError`` keeps working. Messages name the argument,
what came and what was expected: ``W must have shape (..., m, n); got (5,)``.

A mathematical "no" is a value, never an exception.
"""

from __future__ import annotations

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


class RelugeomError(Exception):
    """Base class of every error raised on purpose."""


class ArgumentError(RelugeomError, ValueError):
    """An argument has the wrong shape, type, range or value."""


class KinkError(RelugeomError, ValueError):
    """A derivative was asked for at a point too close to a kink of the ReLU."""


class CertificateError(RelugeomError, ValueError):
    """A file or mapping cannot be read as a certificate: it is malformed, too large, or of an unknown kind."""


class ConjectureError(RelugeomError, RuntimeError):
    """A conjecture is declared wrongly or returned something that is not an outcome."""


class StorageError(RelugeomError, RuntimeError):
    """A stored file is damaged, of another version, or could not be written."""


class WorkerError(RelugeomError, RuntimeError):
    """A worker process or a cluster was lost, and trying again did not help."""


class DeviceError(RelugeomError, RuntimeError):
    """A GPU was asked for and is not there, or its kernels cannot be compiled or compute something wrong."""
