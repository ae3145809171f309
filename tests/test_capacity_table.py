"""The table: every cell's certificate checks, says what the cell says, and every theorem is one that is verified."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from relugeom.capacity.decisions.feasibility import decide
from relugeom.capacity.decisions.refuter import find_positive_pair
from relugeom.capacity.known.cells import COLUMNS, DIMENSIONS, CapacityCell, Column, table
from relugeom.capacity.known.theorems import upper_bound
from relugeom.claims.collect import collect
from relugeom.errors import CertificateError
from relugeom.exact import SignPattern, Valid, check, dumps, load, loads
from relugeom.exact.rationals import as_matrix

PROOFS = Path(__file__).parents[1] / "proofs"


@pytest.fixture(scope="module")
def cells() -> list[CapacityCell]:
    return [cell for row in table() for cell in row]


def test_every_certificate_checks_and_no_other_is_shipped(cells: list[CapacityCell]) -> None:
    folder = Path(str(files("relugeom.capacity.known") / "witnesses"))
    assert {path.name for path in folder.iterdir()} == {cell.witness for cell in cells}
    for cell in cells:
        certificate = load(folder / cell.witness)
        assert isinstance(check(certificate), Valid)
        assert isinstance(certificate, SignPattern)
        assert len(certificate.encoder[0]) == cell.certified


def test_nothing_certified_contradicts_a_theorem(cells: list[CapacityCell]) -> None:
    assert len(cells) == len(COLUMNS) * len(DIMENSIONS)
    assert all(cell.theorem.most is None or cell.certified <= cell.theorem.most for cell in cells)


def test_the_theorems_are_conjectures_that_are_verified(cells: list[CapacityCell]) -> None:
    ids = {conjecture.id for path in PROOFS.glob("*.py") for conjecture in collect(str(path))}
    assert {cell.theorem.id for cell in cells} <= ids
    bounds = [upper_bound(m, tied=tied, bias=bias, active=k, zero_input=zero)  # type: ignore[arg-type]
              for m in range(1, 8) for tied in (True, False) for bias in ("none", "shared", "free")
              for k in (1, 2, 3) for zero in (True, False)]  # fmt: skip
    assert {bound.id for bound in bounds} <= ids


def test_what_is_known(cells: list[CapacityCell]) -> None:
    texts = {column: [cell.text for cell in cells if cell.column == column] for column in COLUMNS}
    assert texts[Column(True, "none", 1)] == ["2", "4", "6", "8", "10", "12"]
    assert texts[Column(True, "free", 1)] == ["2", *["every n"] * 5]
    assert texts[Column(False, "none", 1)] == ["2", "4", *["every n"] * 4]
    assert texts[Column(False, "free", 2)][:3] == ["1", "3", "4"]
    assert texts[Column(False, "free", 3)][:5] == ["1", "2", "4", "5", "6"]


def test_the_records_stand(cells: list[CapacityCell]) -> None:
    """At least the best known numbers for two active features."""
    record = {4: 7, 5: 11, 6: 17}
    for cell in cells:
        if cell.column == Column(False, "free", 2) and cell.m in record:
            assert cell.certified >= record[cell.m]
            assert cell.status == "open"
            assert cell.near_miss is not None
            assert cell.near_miss.n == cell.certified + 1


@pytest.mark.parametrize("m", range(2, 6))
def test_one_feature_more_than_the_theorem_is_refuted(m: int, cells: list[CapacityCell]) -> None:
    pairs = next(cell for cell in cells if cell.m == m and cell.column == COLUMNS[0])
    W = load(Path(str(files("relugeom.capacity.known") / "witnesses" / pairs.witness)))
    assert isinstance(W, SignPattern)
    assert find_positive_pair([[*row, 1] for row in W.encoder]) is not None


def test_a_witness_for_another_question_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one_active = decide([[1, 0], [0, 1]], tied=True)
    assert isinstance(one_active, SignPattern)
    monkeypatch.setattr("relugeom.capacity.known.cells.loads", lambda text: one_active)
    with pytest.raises(CertificateError, match="something else"):
        table()
    broken = SignPattern(as_matrix([[1, 1]]))
    monkeypatch.setattr("relugeom.capacity.known.cells.loads", lambda text: loads(dumps(broken)))
    with pytest.raises(CertificateError, match="output 0 is positive"):
        table()


def test_the_searches_are_numbers() -> None:
    searches = json.loads((files("relugeom.capacity.known") / "searches.json").read_text(encoding="utf-8"))
    assert all(len(entry) == 3 and entry[2] < 1e-6 for entry in searches.values())
