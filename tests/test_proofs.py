"""The post's claims: every verdict as expected, every certificate re-checked, damaged ones refused."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from relugeom.claims.results import Report, Result
from relugeom.claims.run import verify
from relugeom.claims.verdicts import Verdict
from relugeom.errors import CertificateError
from relugeom.exact import Invalid, Valid, check, dumps, loads
from tests.certificate_oracle import is_true
from tests.mutants import mutate

# Enumerating is for small certificates; larger ones are covered by heredity of the checks, not by the oracle.
SMALL = 1500


@pytest.fixture(scope="module")
def post() -> Report:
    return verify()


def describe(results: list[Result]) -> str:
    return "\n".join(f"{r.id}: {r.verdict}, expected {r.expected}: {r.error or r.evidence}" for r in results)


def test_every_claim_of_the_post_gets_its_expected_verdict(post: Report) -> None:
    surprises = [result for result in post.results if not result.as_expected]
    assert not surprises, describe(surprises)
    assert len(post.results) >= 40


def test_every_claim_is_argued_and_has_a_source(post: Report) -> None:
    for result in post.results:
        assert len(result.argument) > 40, result.id
        assert result.source, result.id
        assert result.heading, result.file


def test_every_proof_has_steps_and_a_sibling_that_fails(post: Report) -> None:
    proved = [result for result in post.results if result.verdict is Verdict.PROVED]
    assert proved
    for result in proved:
        assert result.steps, result.id
        assert not any(step.fault for step in result.steps), result.id
        assert result.sibling, result.id
        assert result.sibling_fault, result.id


def test_every_refutation_can_be_checked_by_hand(post: Report) -> None:
    refuted = [result for result in post.results if result.verdict is Verdict.REFUTED]
    assert refuted
    for result in refuted:
        assert any(character.isdigit() for character in result.by_hand), result.id


def test_certificates_survive_the_file_and_the_checker(post: Report) -> None:
    texts = [certificate.text for result in post.results for certificate in result.certificates]
    assert len(texts) >= 20
    for text in texts:
        certificate = loads(text)
        assert dumps(certificate) == text
        assert isinstance(check(certificate), Valid)


def test_damaged_certificates_are_refused_or_still_true(post: Report, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random("damaged certificates of the post")
    # Critical points take minutes to decide by their definition; they are tampered with in test_certify.py.
    texts = [
        certificate.text
        for result in post.results
        for certificate in result.certificates
        if len(certificate.text) < SMALL and certificate.kind != "critical-point"
    ]
    refused = accepted = 0
    while refused + accepted < 2000:
        mutant = mutate(rng.choice(texts), rng)
        try:
            certificate = loads(mutant)
        except CertificateError:
            refused += 1
            continue
        if isinstance(check(certificate), Invalid):
            refused += 1
        else:
            accepted += 1
            assert is_true(certificate), mutant
    with capsys.disabled():
        print(
            f" [{refused} of 2000 damaged certificates refused, {accepted} state something else that is true] ", end=""
        )
    assert refused > 1000


def test_the_post_is_covered_file_by_file(post: Report) -> None:
    folder = Path(__file__).parents[1] / "proofs"
    files = {path.stem for path in folder.glob("*.py") if not path.name.startswith("_")}
    assert {Path(result.file).stem for result in post.results} == files
    assert json.loads(json.dumps(post.to_json()))["as_expected"] is True


def test_statements_end_alike(post: Report) -> None:
    """Without a full stop, as what stands in a table."""
    assert [result.id for result in post.results if result.statement.endswith((".", ",", ";", ":", " "))] == []


def test_the_written_table_is_the_one_that_runs(post: Report) -> None:
    page = (Path(__file__).parents[1] / "docs" / "claims.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (.*) \(`([\w-]+)`\) \|", page, flags=re.M)
    written = {name: (verdict, statement.replace("\\|", "|")) for verdict, statement, name in rows}
    assert written == {r.id: (r.verdict.value, r.statement) for r in post.results if r.verdict is not None}
