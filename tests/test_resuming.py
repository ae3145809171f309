"""Work in blocks: what the database holds is read, the rest is done, recorded and told about."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from relugeom.errors import StorageError
from relugeom.progress import Progress
from relugeom.resuming import run_missing
from relugeom.storage import RunDatabase


def key(task: int) -> dict[str, Any]:
    return {"task": task}


def square(task: int) -> dict[str, Any]:
    return {"square": task * task, "text": "x" * task}


def read(task: int, row: Mapping[str, Any]) -> int:
    if row["square"] != task * task:
        raise ValueError("no square")
    return int(row["square"])


def test_only_what_is_missing_is_done(tmp_path: Path) -> None:
    done: list[int] = []
    news: list[Progress] = []

    def noted(task: int) -> dict[str, Any]:
        done.append(task)
        return square(task)

    with RunDatabase(tmp_path / "runs.db") as database:
        assert run_missing(noted, [3, 1], key, read, database) == [9, 1]
        assert run_missing(noted, [1, 2, 3], key, read, database, progress=news.append) == [1, 4, 9]
        assert done == [3, 1, 2]
        assert [(item.done, item.total) for item in news] == [(2, 3), (3, 3)]
    assert run_missing(noted, [2], key, read, None) == [4]
    assert done == [3, 1, 2, 2]


def test_what_is_missing_can_be_done_together_and_in_pieces(tmp_path: Path) -> None:
    asked: list[list[int]] = []
    news: list[Progress] = []

    def parts(tasks: Sequence[int]) -> list[list[dict[str, Any]]] | list[dict[str, Any]]:
        return [{"parts": [task]} for task in tasks]

    def plan(tasks: Sequence[int]) -> list[list[tuple[int, int]]]:
        """Odd numbers together; of even ones a piece that is 1 less among them, the piece 1 apart."""
        asked.append(list(tasks))
        whole = [(place, task - (task % 2 == 0)) for place, task in enumerate(tasks)]
        return [whole, *([(place, 1)] for place, task in enumerate(tasks) if task % 2 == 0)]

    def merge(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"parts": [part for row in rows for part in row["parts"]]}

    def sums(task: int, row: Mapping[str, Any]) -> tuple[int, ...]:
        return tuple(row["parts"])

    with RunDatabase(tmp_path / "runs.db") as database:
        database.record(key(5), {"parts": [2, 3]})
        found = run_missing(parts, [6, 5, 3, 2, 9], key, sums, database, None, news.append, plan=plan, merge=merge)
        assert found == [(5, 1), (2, 3), (3,), (1, 1), (9,)]
        assert asked == [[6, 3, 2, 9]]
        assert [(item.done, item.total) for item in news] == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
        assert run_missing(parts, [2, 6], key, sums, database) == [(1, 1), (5, 1)]


def test_pieces_are_merged_in_their_order_whichever_is_done_first() -> None:
    other_is_done = threading.Event()

    def digits(pieces: Sequence[str]) -> list[dict[str, Any]]:
        if pieces == ["1"]:
            assert other_is_done.wait(60)
        return [{"digits": piece} for piece in pieces]

    def plan(tasks: Sequence[str]) -> list[list[tuple[int, str]]]:
        """The first digit of 123 apart; the others together with all of 4."""
        return [[(0, "1")], [(0, "2"), (1, "4"), (0, "3")]]

    def merge(rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {"digits": "".join(row["digits"] for row in rows)}

    def finished(news: Progress) -> None:
        if news.done == 1:
            other_is_done.set()

    with ThreadPoolExecutor(2) as executor:
        assert run_missing(
            digits, ["123", "4"], lambda task: {"task": task}, lambda task, row: str(row["digits"]), None, executor,
            finished, plan=plan, merge=merge,
        ) == ["123", "4"]  # fmt: skip


def test_the_order_is_that_of_the_tasks(tmp_path: Path) -> None:
    with RunDatabase(tmp_path / "runs.db") as database:
        run_missing(square, [5], key, read, database)
        assert run_missing(square, [7, 5, 6], key, read, database, "processes://2") == [49, 25, 36]


def test_what_goes_into_files_is_stored_first_and_done_again_when_gone(tmp_path: Path) -> None:
    files: dict[int, str] = {}

    def store(task: int, row: dict[str, Any]) -> dict[str, Any]:
        files[task] = row.pop("text")
        return row

    def reread(task: int, row: Mapping[str, Any]) -> tuple[int, str] | None:
        assert "text" not in row
        return (read(task, row), files[task]) if task in files else None

    with RunDatabase(tmp_path / "runs.db") as database:
        assert run_missing(square, [2, 3], key, reread, database, store=store) == [(4, "xx"), (9, "xxx")]
        del files[2]
        assert run_missing(square, [2, 3], key, reread, database, store=store) == [(4, "xx"), (9, "xxx")]
        assert files == {2: "xx", 3: "xxx"}


def test_nothing_is_believed_of_a_stored_row(tmp_path: Path) -> None:
    with RunDatabase(tmp_path / "runs.db") as database:
        database.record(key(4), {"square": 15})
        with pytest.raises(StorageError, match="no square"):
            run_missing(square, [4], key, read, database)
