"""Results and reports: their JSON, and names of certificates that never meet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from relugeom.claims.results import Report, Result, write_certificates
from relugeom.claims.run import verify
from relugeom.claims.schema import ReplyError
from relugeom.claims.verdicts import CertificateRecord, StepRecord, Verdict
from relugeom.exact import SignPattern, dumps, load
from relugeom.exact.rationals import as_matrix
from tests.test_runner import GOOD, declare, write

TEXT = dumps(SignPattern(as_matrix([[1, -1]])))


def result(name: str, certificates: int) -> Result:
    records = tuple(CertificateRecord("sign-pattern", "s", TEXT) for _ in range(certificates))
    return Result(id=name, file="a.py", verdict=Verdict.CERTIFIED, evidence="e", certificates=records)


@pytest.mark.parametrize(
    ("counts", "names"),
    [
        ({"polygon": 1}, [["polygon.json"]]),
        ({"polygon": 2}, [["polygon-1.json", "polygon-2.json"]]),
        ({"polygon": 0, "other": 1}, [[], ["other.json"]]),
        ({"polygon": 2, "polygon-1": 1}, [["polygon-1.json", "polygon-2.json"], ["polygon-1--1.json"]]),
        ({"polygon-1": 1, "polygon": 2}, [["polygon-1.json"], ["polygon--1.json", "polygon--2.json"]]),
        (
            {"polygon": 2, "polygon-1": 2, "polygon-1-1": 1},
            [["polygon-1.json", "polygon-2.json"], ["polygon-1-1.json", "polygon-1-2.json"], ["polygon-1-1--1.json"]],
        ),
    ],
)
def test_no_two_certificates_have_one_name(tmp_path: Path, counts: dict[str, int], names: list[list[str]]) -> None:
    report = Report(tuple(result(name, count) for name, count in counts.items()), 0.0)
    assert report.certificate_names() == names
    written = write_certificates(report, tmp_path / "deep" / "out")
    assert [path.name for path in written] == [name for own in names for name in own]
    assert len({*written}) == sum(counts.values()) == len(list((tmp_path / "deep" / "out").iterdir()))
    assert all(load(path) == SignPattern(as_matrix([[1, -1]])) for path in written)


def test_a_result_and_its_json_are_one(tmp_path: Path) -> None:
    report = verify([write(tmp_path, "a.py", GOOD, declare("raises", "raise ValueError('why')"))], jobs=1)
    for row in report.results:
        told = Result.from_json(json.loads(json.dumps(row.to_json())))
        assert told.to_json() == row.to_json()
        assert (told.verdict, told.error, told.id, told.statement) == (row.verdict, row.error, row.id, row.statement)
    whole = report.to_json()
    assert whole["counts"] == {"PROVED": 0, "CERTIFIED": 1, "REFUTED": 0, "MEASURED": 0, "UNDECIDED": 0, "ERROR": 1}
    assert whole["as_expected"] is False


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "MAYBE"},
        {"as_expected": False},
        {"file": 5},
        {"seconds": "1"},
        {"more": 1},
        {"steps": None},
        {"id": "A b"},
    ],
)
def test_a_result_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ReplyError):
        Result.from_json(result("a", 1).to_json() | change)
    with pytest.raises(ReplyError):
        Result.from_json([])


def test_a_step_is_a_record_all_the_way() -> None:
    row = Result(id="a", file="a.py", steps=(StepRecord("c", "m", "f"),))
    assert row.to_json()["steps"] == [{"claim": "c", "method": "m", "holds": False, "fault": "f"}]


def test_what_was_expected() -> None:
    assert Result(id="a", file="a", verdict=Verdict.PROVED).as_expected
    assert Result(id="a", file="a", verdict=Verdict.PROVED, expected=Verdict.PROVED).as_expected
    assert not Result(id="a", file="a", verdict=Verdict.UNDECIDED, expected=Verdict.PROVED).as_expected
    assert not Result(id="a", file="a", expected=Verdict.PROVED).as_expected
    assert not Result(id="a", file="a").as_expected
