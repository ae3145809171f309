"""The formal proofs are whole, say what conjectures declare of them, and Rocq accepts them where it is installed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from relugeom.claims.collect import collect, default_paths, find_files
from relugeom.claims.conjectures import FormalProof
from relugeom.claims.formal import FormalResult, check_formal, coqc_version, find_formal, formal_sources
from relugeom.claims.run import verify
from relugeom.errors import ArgumentError

SOURCES = Path(str(formal_sources()))
FILES = sorted(path.name for path in SOURCES.glob("*.v"))
PROOFS = sorted({proof for file in find_files(default_paths()) for claim in collect(file) for proof in claim.formal})


def checked(name: str, **options: Any) -> FormalResult:
    """A file checked for the theorems that conjectures declare in it."""
    return check_formal(name, theorems=[proof.theorem for proof in PROOFS if proof.file == name], **options)


needs_coq = pytest.mark.skipif(coqc_version() is None, reason="coqc is not installed")


def changed(folder: Path, name: str, old: str, new: str) -> Path:
    """Copy the sources to `folder` with one passage of one file replaced."""
    for path in SOURCES.glob("*.v"):
        text = path.read_text(encoding="utf-8")
        if path.name == name:
            assert text.count(old) == 1
            text = text.replace(old, new)
        (folder / path.name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.theorem)
def test_every_named_theorem_stands_in_its_file_and_in_the_readme(proof: FormalProof) -> None:
    text = (SOURCES / proof.file).read_text(encoding="utf-8")
    assert re.search(rf"^Theorem {proof.theorem}\b|^Lemma {proof.theorem}\b", text, re.MULTILINE)
    assert f"Print Assumptions {proof.theorem}." in text
    assert f"`{proof.theorem}`" in (SOURCES / "README.md").read_text(encoding="utf-8")


def test_every_file_holds_a_named_theorem_and_is_compiled_by_the_makefile() -> None:
    assert {proof.file for proof in PROOFS} == set(FILES)
    makefile = (SOURCES / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"^FILES = (.*)$", makefile, re.MULTILINE)
    assert listed is not None
    assert sorted(f"{name}.v" for name in listed.group(1).split()) == FILES
    assert set(FILES) <= set((SOURCES / "_CoqProject").read_text(encoding="utf-8").split())


@pytest.mark.parametrize("name", FILES)
def test_no_file_has_a_gap_or_an_axiom(name: str) -> None:
    text = (SOURCES / name).read_text(encoding="utf-8")
    assert not re.search(r"\b(Admitted|admit|Axiom|Parameter|Conjecture)\b", text)
    assert text.count("Proof.") == text.count("Qed.") + text.count('"Proof."') - text.count('"Qed."')


def test_the_independent_checker_found_no_axiom() -> None:
    summary = (SOURCES / "coqchk.txt").read_text(encoding="utf-8")
    assert "* Axioms: <none>" in summary
    assert summary.count("<none>") == 4


def test_a_planted_gap_is_a_failure(tmp_path: Path) -> None:
    whole = "by rewrite leq_mul2l rank_leq_col.\nQed."
    result = checked("two_m_bound.v", sources=changed(tmp_path, "two_m_bound.v", whole, "Admitted."))
    assert (result.status, result.assumptions_closed) == ("failed", False)
    assert "Admitted" in result.message


def test_a_gap_in_an_imported_file_is_a_failure(tmp_path: Path) -> None:
    planted = changed(tmp_path, "two_m_bound.v", "Section Elimination.", "Axiom wish : False.\nSection Elimination.")
    result = checked("attained.v", sources=planted)
    assert result.status == "failed"
    assert "two_m_bound.v" in result.message


def test_a_theorem_whose_assumptions_are_not_asked_is_a_failure(tmp_path: Path) -> None:
    planted = changed(tmp_path, "bias.v", "Print Assumptions bias_line.", "")
    assert "bias_line" in checked("bias.v", sources=planted).message


@needs_coq
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "two_m_bound.v" else pytest.mark.long) for name in FILES]
)
def test_coq_checks_the_file(name: str) -> None:
    result = checked(name, timeout=120)
    if result.status == "not-installed":
        pytest.skip(result.message)
    assert result.status == "checked", result.message
    assert result.assumptions_closed
    assert result.version == coqc_version()
    assert result.seconds > 0


@needs_coq
def test_coq_rejects_the_false_sibling(tmp_path: Path) -> None:
    false = changed(tmp_path, "two_m_bound.v", "(n <= 2 * m)%N.\nProof.", "(n <= 2 * m - 1)%N.\nProof.")
    result = checked("two_m_bound.v", sources=false)
    if result.status == "not-installed":
        pytest.skip(result.message)
    assert result.status == "failed"
    assert "coqc rejects two_m_bound.v" in result.message


@needs_coq
def test_an_assumption_that_only_coq_sees_is_a_failure(tmp_path: Path) -> None:
    # A variable outside any section is an axiom under another name.
    before = "Theorem same_subspace_refuted"
    hidden = "Variable wish : False.\nTheorem idle : False.\nProof. exact: wish. Qed.\nPrint Assumptions idle.\n"
    result = checked("parabola.v", sources=changed(tmp_path, "parabola.v", before, hidden + before))
    if result.status == "not-installed":
        pytest.skip(result.message)
    assert (result.status, result.assumptions_closed) == ("failed", False)
    assert "wish" in result.message


@needs_coq
def test_running_out_of_time_is_a_failure_with_a_remedy() -> None:
    result = checked("refuter.v", timeout=0.05)
    assert result.status == "failed"
    assert "raise timeout" in result.message


def test_without_coq_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert coqc_version() is None
    result = checked("parabola.v")
    assert (result.status, result.version, result.assumptions_closed) == ("not-installed", None, False)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"file must be one of attained\.v.*got 'missing\.v'"):
        checked("missing.v")
    with pytest.raises(ArgumentError, match="timeout must be a positive"):
        checked("parabola.v", timeout=0)


CONJECTURE = """
from relugeom import FormalProof, Open, conjecture

@conjecture("mine", formal=FormalProof("{name}", "mine", "what it says"))
def mine():
    return Open("it is only an example")
"""


def test_a_conjecture_of_ones_own_has_formal_proofs_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(CONJECTURE.format(name="mine.v"), encoding="utf-8")
    (result,) = verify([path]).results
    assert result.error == f"{result.file}:4: mine.v lies neither beside {result.file} nor in its folder formal"
    for folder in (tmp_path, tmp_path / "formal"):
        folder.mkdir(exist_ok=True)
        (folder / "mine.v").write_text("Lemma mine : True. Proof. exact I. Qed.\nPrint Assumptions mine.\n")
        (result,) = verify([path]).results
        assert result.formal_folder == folder
        assert result.formal_path("mine.v").endswith("formal/mine.v" if folder.name == "formal" else "mine.v")
        assert result.to_json()["formal"] == [{"file": "mine.v", "theorem": "mine", "statement": "what it says"}]
    assert find_formal(["mine.v", "other.v"], path) is None
    found = check_formal("mine.v", theorems=["mine", "other"], sources=tmp_path)
    assert (found.status, found.message) == ("failed", "mine.v lacks Print Assumptions other")


@pytest.mark.parametrize("name", ["../mine.v", "mine.py", "/etc/mine.v", "mine.v\\n", ""])
def test_a_formal_proof_never_leaves_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.v").touch()
    path = tmp_path / "deep" / "mine.py"
    path.parent.mkdir()
    path.write_text(CONJECTURE.format(name=name), encoding="utf-8")
    (result,) = verify([path]).results
    assert "file of a FormalProof must be the name of a .v file" in result.error
