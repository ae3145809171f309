"""How many features fit into m dimensions: what is known by theorem, certified by a witness, and still open.

Each cell holds the most features for which a certificate is shipped beside this module, and the theorem that bounds
the number from above. Where the two meet, the cell is settled; where they do not, it says what a search for one feature
more came to. The certificates are checked whenever the table is made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

from relugeom.capacity.decisions.outcomes import Bias
from relugeom.capacity.known.theorems import Theorem, upper_bound
from relugeom.errors import CertificateError
from relugeom.exact import Invalid, SignPattern, check, loads

__all__ = ["COLUMNS", "DIMENSIONS", "CapacityCell", "Column", "NearMiss", "table"]

DIMENSIONS = range(1, 7)


class Column(NamedTuple):
    """One question, asked for every m."""

    tied: bool
    bias: Bias
    active: int

    @property
    def title(self) -> str:
        """As it heads the table."""
        decoder, bias = "tied" if self.tied else "untied", "no bias" if self.bias == "none" else "bias"
        return f"{decoder}, {bias}, k = {self.active}"

    @property
    def zero_input(self) -> bool:
        """With several active features, x = 0 counts among the inputs."""
        return self.active > 1

    def witness(self, m: int) -> str:
        """The file name of the certificate for m dimensions."""
        return f"m{m}-{'tied' if self.tied else 'untied'}-{self.bias}-k{self.active}.json"


COLUMNS = (
    Column(True, "none", 1),
    Column(True, "free", 1),
    Column(False, "none", 1),
    Column(False, "free", 1),
    Column(True, "free", 2),
    Column(False, "free", 2),
    Column(False, "free", 3),
)


class NearMiss(NamedTuple):
    """A search that found nothing: for how many features, in how many attempts, and its best margin."""

    n: int
    attempts: int
    best_margin: float


@dataclass(frozen=True, slots=True)
class CapacityCell:
    """What is known for one m and one question.

    Attributes
    ----------
    m, column
        The question.
    certified
        n of the certificate.
    witness
        Its file name, in ``relugeom/capacity/known/witnesses``.
    theorem
        The bound from above, or that every n is possible.
    near_miss
        The search for one feature more, where the cell is open and one was made.
    """

    m: int
    column: Column
    certified: int
    witness: str
    theorem: Theorem
    near_miss: NearMiss | None

    @property
    def status(self) -> str:
        """ "any" (every n is possible), "exact" (witness and theorem meet), or "open"."""
        if self.theorem.most is None:
            return "any"
        return "exact" if self.certified == self.theorem.most else "open"

    @property
    def text(self) -> str:
        """The cell as it is printed: "every n", "n", or "low … high"."""
        if self.status == "any":
            return "every n"
        return str(self.certified) if self.status == "exact" else f"{self.certified} … {self.theorem.most}"


def table() -> list[list[CapacityCell]]:
    """The table, one list of cells for each m, each certificate checked.

    Raises
    ------
    CertificateError
        A shipped certificate is damaged, or does not state what its cell needs.
    """
    searches = json.loads((files("relugeom.capacity.known") / "searches.json").read_text(encoding="utf-8"))
    return [[_cell(m, column, searches) for column in COLUMNS] for m in DIMENSIONS]


def _cell(m: int, column: Column, searches: dict[str, list[float]]) -> CapacityCell:
    name = column.witness(m)
    certificate = loads((files("relugeom.capacity.known") / "witnesses" / name).read_text(encoding="utf-8"))
    verdict = check(certificate)
    if isinstance(verdict, Invalid):
        raise CertificateError(f"{name}: {verdict.reason}")
    if not isinstance(certificate, SignPattern) or not _answers(certificate, m, column):
        raise CertificateError(f"{name} states something else than its cell: {verdict.statement}")
    n = len(certificate.encoder[0])
    theorem = upper_bound(m, tied=column.tied, bias=column.bias, active=column.active, zero_input=column.zero_input)
    known = searches.get(name)
    near_miss = None if known is None else NearMiss(int(known[0]), int(known[1]), known[2])
    return CapacityCell(m, column, n, name, theorem, near_miss)


def _answers(certificate: SignPattern, m: int, column: Column) -> bool:
    """With fewer than k features, all of them may be active."""
    n = len(certificate.encoder[0])
    return (
        len(certificate.encoder) == m
        and certificate.active >= min(column.active, n)
        and certificate.zero_input >= column.zero_input
        and (certificate.bias is None or column.bias != "none")
        and (certificate.decoder is None or not column.tied)
    )
