"""Work in blocks that a `RunDatabase` keeps, so that what was interrupted goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from relugeom.executors import ExecutorLike, run_tasks
from relugeom.progress import OnProgress, Reporter
from relugeom.storage import RunDatabase

__all__ = ["run_missing"]

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_missing(
    function: Callable[[Task], dict[str, Any]] | Callable[[Sequence[Task]], list[dict[str, Any]]],
    tasks: Sequence[Task],
    key: Callable[[Task], Mapping[str, Any]],
    read: Callable[[Task, Mapping[str, Any]], Result | None],
    database: RunDatabase | None,
    executor: ExecutorLike = None,
    progress: OnProgress | None = None,
    *,
    store: Callable[[Task, dict[str, Any]], dict[str, Any]] = lambda task, row: row,
    together: Callable[[Sequence[Task]], Sequence[Sequence[int]]] | None = None,
) -> list[Result]:
    """The result of every task, in order; what the database holds is read, the rest is done and recorded.

    Parameters
    ----------
    function : callable
        Does one task: its row, a mapping that JSON can hold. Must be picklable unless `executor` is None.
    tasks : sequence
    key : callable
        All that fixes the result of a task, as JSON: what its row is stored under.
    read : callable
        The result of a task from its row. It believes nothing of a row, and raises where it makes no sense. None: the
        task is to be done again.
    database : RunDatabase, optional
        Without one nothing is kept.
    executor : None, Executor, "processes://N" or "dask://host:port"
    progress : callable, optional
        Called with the tasks that are finished (`relugeom.progress`), before the first and after each.
    store : callable, optional
        Called here, before a row is recorded: writes what belongs into files, and returns the row without it.
    together : callable, optional
        Which of the missing tasks to do in one go, by their places among them; `function` then takes several tasks and
        returns their rows.

    Raises
    ------
    StorageError
        A stored row makes no sense, or nothing can be stored.
    """
    results = [None if database is None else database.read(key(task), partial(read, task)) for task in tasks]
    missing = [index for index, result in enumerate(results) if result is None]
    news = Reporter(progress, len(tasks), len(tasks) - len(missing))
    alone: Any = function
    do: Any = function if together else partial(_each, alone)
    places = together([tasks[index] for index in missing]) if together else [[place] for place in range(len(missing))]
    groups = [[missing[place] for place in group] for group in places]
    for number, rows in run_tasks(do, [[tasks[index] for index in group] for group in groups], executor):
        for index, row in zip(groups[number], rows, strict=True):
            kept = store(tasks[index], row)
            if database is not None:
                database.record(key(tasks[index]), kept)
            results[index] = read(tasks[index], kept)
            news.advance()
    return [result for result in results if result is not None]


def _each(function: Callable[[Task], dict[str, Any]], tasks: Sequence[Task]) -> list[dict[str, Any]]:
    return [function(task) for task in tasks]
