"""What can be answered to "does this encoder have a decoder?": yes and no with proof, or not known and why."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple, TypeVar

from relugeom.exact import Certificate, Invalid, NotDecodable, PositivePair, SignPattern, check

__all__ = ["BIASES", "Bias", "Decision", "Reading", "TiedFailure", "Undecided", "confirm"]

Bias = Literal["none", "shared", "free"]
BIASES: tuple[Bias, ...] = ("none", "shared", "free")

Certified = TypeVar("Certified", bound=Certificate)


class Reading(NamedTuple):
    """The value of an output, before its bias, at the 0/1 input with the given support."""

    feature: int
    support: tuple[int, ...]
    value: Fraction


@dataclass(frozen=True, slots=True)
class TiedFailure:
    """Under the tied decoder no bias of the allowed kind puts `fires` above zero and `rests` at most at zero.

    Both readings can be recomputed by hand, and fires.value ≤ rests.value. Where no bias is allowed, zero itself
    takes the place of one of them: the reading of the empty support.
    """

    fires: Reading
    rests: Reading


@dataclass(frozen=True, slots=True)
class Undecided:
    """No answer, and why."""

    reason: str


Decision = SignPattern | NotDecodable | PositivePair | TiedFailure | Undecided


def confirm(certificate: Certified) -> Certified | Undecided:
    """The certificate when the checker accepts it; otherwise nothing is claimed."""
    verdict = check(certificate)
    if isinstance(verdict, Invalid):
        return Undecided(f"the certificate that was found does not check: {verdict.reason}")
    return certificate
