"""The errors of the checker, and the base class of all errors of the package.

They stand here, and `relugeom.errors` offers them too, so that nothing in this folder needs anything outside it.
"""

from __future__ import annotations

__all__ = ["ArgumentError", "CertificateError", "Fault", "RelugeomError", "require"]


class RelugeomError(Exception):
    """Base class of every error raised on purpose."""


class ArgumentError(RelugeomError, ValueError):
    """An argument has the wrong shape, type, range or value."""


class CertificateError(RelugeomError, ValueError):
    """A file or mapping cannot be read as a certificate: it is malformed, too large, or of an unknown kind."""


class Fault(RelugeomError):
    """The place where a certificate breaks: what every checker raises, and `check` turns into `Invalid`."""


def require(condition: bool, reason: str) -> None:
    """Raise a `Fault` for this reason unless the condition holds."""
    if not condition:
        raise Fault(reason)
