"""Work in blocks that a `RunDatabase` keeps, so that what was interrupted goes on where it stopped."""

from __future__ import annotations

from collections import Counter, defaultdict
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
    plan: Callable[[Sequence[Task]], Sequence[Sequence[tuple[int, Task]]]] | None = None,
    merge: Callable[[list[dict[str, Any]]], dict[str, Any]] = lambda rows: rows[0],
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
    plan : callable, optional
        What of the missing tasks to do in one go: lists of tasks, or pieces of tasks, each with the place of its task
        among the missing ones. `function` then takes such a list of tasks and returns their rows.
    merge : callable, optional
        The row of a task from those of its pieces, in the order in which `plan` names them.

    Raises
    ------
    StorageError
        A stored row makes no sense, or nothing can be stored.
    """
    results = [None if database is None else database.read(key(task), partial(read, task)) for task in tasks]
    missing = [index for index, result in enumerate(results) if result is None]
    news = Reporter(progress, len(tasks), len(tasks) - len(missing))
    waiting = [tasks[index] for index in missing]
    do: Callable[[Any], Any] = function if plan else partial(_each, function)
    groups = plan(waiting) if plan else [[part] for part in enumerate(waiting)]
    expected = Counter(place for group in groups for place, _ in group)
    # The rows of a task's pieces that are there, by the number of their group and their place in it.
    found: defaultdict[int, dict[tuple[int, int], dict[str, Any]]] = defaultdict(dict)
    for number, rows in run_tasks(do, [[piece for _, piece in group] for group in groups], executor):
        for k, ((place, _), row) in enumerate(zip(groups[number], rows, strict=True)):
            found[place][number, k] = row
            if len(found[place]) < expected[place]:
                continue
            pieces, task = found.pop(place), waiting[place]
            kept = store(task, merge([pieces[at] for at in sorted(pieces)]))
            if database is not None:
                database.record(key(task), kept)
            results[missing[place]] = read(task, kept)
            news.advance()
    return [result for result in results if result is not None]


def _each(function: Callable[[Any], Any], tasks: Sequence[Any]) -> list[Any]:
    return [function(task) for task in tasks]
