"""What came out: one result a conjecture, and the report of a run, with their JSON."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relugeom.claims.conjectures import Declaration
from relugeom.claims.schema import Fields, ReplyError
from relugeom.claims.verdicts import Judgement, Verdict
from relugeom.records import Records, records_table
from relugeom.writing import make_folder, write_atomically

__all__ = ["Report", "Result", "own_fields", "write_certificates"]


@dataclass(frozen=True, kw_only=True)
class Result(Declaration, Judgement):
    """What became of one conjecture: its declaration, its judgement, and what the runner adds.

    Attributes
    ----------
    file
        Where it stands, as it is shown.
    heading
        The first line of that file's docstring.
    error
        Why there is no verdict: it raised, returned something else, or ran too long.
    traceback
        Where it raised.
    seconds
        How long it ran, with the import of its file.
    sampled
        A slow conjecture that ran on a sample.
    output
        What it printed, as far as it is kept.
    formal_folder
        Where its formal proofs lie; None where it has none.
    """

    file: str
    heading: str = ""
    error: str = ""
    traceback: str = ""
    seconds: float = 0.0
    sampled: bool = False
    output: str = ""
    formal_folder: Path | None = None

    @property
    def as_expected(self) -> bool:
        """Whether there is a verdict, and it is the expected one where one was declared."""
        return self.verdict is not None and self.expected in (None, self.verdict)

    def formal_path(self, name: str) -> str:
        """Where a file of its formal proofs lies, as `file` is shown."""
        beside = Path(self.file).parent
        inside = self.formal_folder is not None and self.formal_folder.name == "formal" and beside.name != "formal"
        return str((beside / "formal" if inside else beside) / name)

    def record(self) -> dict[str, Any]:
        """The result as one row of a table."""
        low, high = self.interval or (None, None)
        return {
            "verdict": "ERROR" if self.verdict is None else self.verdict.value, "id": self.id,
            "statement": self.statement, "evidence": self.error or self.evidence, "as_expected": self.as_expected,
            "seconds": round(self.seconds, 3), "file": self.file, "certificates": len(self.certificates),
            "successes": self.successes, "trials": self.trials, "low": low, "high": high,
        }  # fmt: skip

    def _repr_html_(self) -> str:
        named = [{"": name, "this claim": value} for name, value in self.record().items() if value is not None]
        return records_table(named)

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        declared = Declaration.to_json(self)
        del declared["fault"]  # it is the error then
        return {
            **declared,
            **Judgement.to_json(self),
            "file": self.file,
            "as_expected": self.as_expected,
            "error": self.error or None,
            "seconds": round(self.seconds, 3),
            "sampled": self.sampled,
        }

    @classmethod
    def from_json(cls, value: Any) -> Result:
        """What `to_json` was given, without the texts of certificates; a `ReplyError` for anything else."""
        told = dict(value) if isinstance(value, dict) else {}
        # Of a row with an error, ERROR is no verdict.
        judged = Judgement().to_json()
        judgement = Judgement()
        if told.get("verdict") != "ERROR":
            judgement = Judgement.from_json({name: told[name] for name in judged if name in told})
        declared = Declaration(id="").to_json()
        declaration = Declaration.from_json({n: told[n] for n in declared if n in told} | {"fault": None})
        fields = Fields({name: told[name] for name in told if name not in judged | declared}, "a result")
        result = cls(
            **own_fields(declaration, Declaration),
            **own_fields(judgement, Judgement),
            file=fields.text("file"),
            error=fields.optional_text("error"),
            seconds=fields.number("seconds"),
            sampled=fields.flag("sampled"),
        )
        if fields.flag("as_expected") != result.as_expected:
            raise ReplyError("as_expected of a result must follow from its verdict")
        fields.end()
        return result


def own_fields(value: Declaration | Judgement, kind: type[Declaration | Judgement]) -> dict[str, Any]:
    """The fields that the class declares, by name."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(kind)}


@dataclass(frozen=True, slots=True, repr=False)
class Report(Records):
    """The results of one run, in the order of the files.

    `notes` says what about the run itself a reader should know: that the system sets no limit on memory, for example.
    """

    results: tuple[Result, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    def records(self) -> list[dict[str, Any]]:
        """A mapping a claim."""
        return [result.record() for result in self.results]

    def caption(self) -> str:
        """The summary."""
        return self.summary()

    def __repr__(self) -> str:
        """The summary and a line per claim: everything would be hundreds of thousands of characters."""
        rows = (("ERROR" if one.verdict is None else one.verdict.value, one.id) for one in self.results)
        return "\n".join([self.summary(), *(f"  {verdict:<10} {id}" for verdict, id in rows)])

    def _repr_html_(self) -> str:
        shown = ("verdict", "statement", "evidence", "seconds")
        return records_table([{name: record[name] for name in shown} for record in self.records()], self.summary())

    @property
    def as_expected(self) -> bool:
        """Whether every verdict was the expected one and nothing failed."""
        return all(result.as_expected for result in self.results)

    def counts(self) -> dict[str, int]:
        """How many results have each verdict, errors last."""
        counts = {verdict.value: 0 for verdict in Verdict} | {"ERROR": 0}
        for result in self.results:
            counts[result.verdict.value if result.verdict is not None else "ERROR"] += 1
        return counts

    def summary(self) -> str:
        """One line: how many conjectures, how long, how many of each verdict, and whether all came out as expected."""
        number = len(self.results)
        counted = ", ".join(f"{count} {name.lower()}" for name, count in self.counts().items() if count)
        surprises = sum(not result.as_expected for result in self.results)
        close = "all as expected" if surprises == 0 else f"{surprises} NOT as expected"
        return f"{number} conjecture{'s' * (number != 1)} in {self.seconds:.1f} s: {counted or 'none'}; {close}"

    def certificate_names(self) -> list[list[str]]:
        """For each result the file names of its certificates: `ID.json`, or `ID-1.json`, `ID-2.json`, ...

        No two are the same: where `polygon-1.json` is taken by another id, the second has two hyphens, which no id has.
        """
        taken: set[str] = set()
        names = []
        for result in self.results:
            numbers = range(1, len(result.certificates) + 1)
            own = [f"{result.id}.json"] if len(numbers) == 1 else [f"{result.id}-{number}.json" for number in numbers]
            if not taken.isdisjoint(own):
                own = [f"{result.id}--{number}.json" for number in numbers]
            taken.update(own)
            names.append(own)
        return names

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "conjectures": [result.to_json() for result in self.results],
            "counts": self.counts(),
            "as_expected": self.as_expected,
            "seconds": round(self.seconds, 3),
        }


def write_certificates(report: Report, directory: str | os.PathLike[str]) -> list[Path]:
    """Write every certificate of a report under its name (`Report.certificate_names`), each whole or not at all.

    Raises
    ------
    StorageError
        The directory cannot be made or written to.
    """
    folder = Path(directory)
    make_folder(folder)
    written: list[Path] = []
    names: Sequence[Sequence[str]] = report.certificate_names()
    for result, own in zip(report.results, names, strict=True):
        for certificate, name in zip(result.certificates, own, strict=True):
            write_atomically(folder / name, certificate.text.encode())
            written.append(folder / name)
    return written
