"""A search that can win: many attempts, the first success by number, every candidate kept.

Attempts run in order on any executor. The success with the lowest number wins; attempts before it are waited for,
later ones are cancelled, and what the search reports depends on the attempts up to the winner only, so it is the same
for any number of workers. A certificate counts when the checker accepts it here, in this process, and it states
what the problem asks.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, cast

from relugeom.capacity.known.theorems import Theorem
from relugeom.capacity.searches.attempt import Candidate, attempt
from relugeom.capacity.searches.problem import Problem
from relugeom.errors import ArgumentError, CertificateError
from relugeom.exact import Certificate, Invalid, check, loads
from relugeom.executors import ExecutorLike, run_tasks
from relugeom.progress import OnProgress, Reporter
from relugeom.storage import RunDatabase, read_field

__all__ = ["Found", "Impossible", "NotFound", "SearchOutcome", "search"]


@dataclass(frozen=True, slots=True)
class Found:
    """A solution: `certificate` was accepted by the checker."""

    certificate: Certificate
    candidate: Candidate
    attempts: int


@dataclass(frozen=True, slots=True)
class Impossible:
    """There is no solution, by a theorem."""

    theorem: Theorem


@dataclass(frozen=True, slots=True)
class NotFound:
    """Nothing was found; that proves nothing."""

    best: Candidate
    attempts: int


SearchOutcome = Found | Impossible | NotFound


def search(
    problem: Problem,
    *,
    attempts: int = 100,
    seed: int = 0,
    seeded: bool = True,
    against_theorem: bool = False,
    executor: ExecutorLike = None,
    database: RunDatabase | None = None,
    progress: OnProgress | None = None,
) -> SearchOutcome:
    """Search for a solution of a problem; answer with a certificate, a theorem or the best candidate.

    Parameters
    ----------
    problem : Problem
        What is asked. With processes it has to be importable there.
    attempts : int
        The largest number of attempts.
    seed : int
        Fixes all random numbers: attempt i draws from ``SeedSequence(seed, spawn_key=(i,))``.
    seeded : bool
        Whether the first attempts start at the constructions that the problem knows.
    against_theorem : bool
        Search even where a theorem says that it is in vain.
    executor : Executor or str, optional
        Where attempts run, as for `relugeom.executors.run_tasks`; in this process when None.
    database : RunDatabase, optional
        Keeps every candidate as soon as it is finished; candidates found there are not computed again.
    progress : callable, optional
        Called with the attempts that are finished and the best margin (`relugeom.progress`).

    Returns
    -------
    Found, Impossible or NotFound

    Raises
    ------
    ArgumentError
        `attempts` is less than 1.

    See Also
    --------
    relugeom.capacity.decide, relugeom.capacity.find_positive_pair, relugeom.capacity.upper_bound
    relugeom.autoencoder.max_sparse_support
    """
    if attempts < 1:
        raise ArgumentError(f"attempts must be at least 1; got {attempts}")
    theorem = None if against_theorem else problem.obstacle()
    if theorem is not None:
        return Impossible(theorem)
    done: dict[int, Candidate] = {}
    winner: tuple[int, Certificate] | None = None
    best = float("-inf")
    news = Reporter(progress, attempts)
    with closing(_candidates(problem, attempts, seed, seeded, executor, database)) as candidates:
        for candidate in candidates:
            done[candidate.index] = candidate
            certificate = _confirm(problem, candidate)
            if certificate is not None and (winner is None or candidate.index < winner[0]):
                winner = candidate.index, certificate
            best = max(best, candidate.margin)
            news.reach(len(done), partial(_best_so_far, best))
            if winner is not None and all(index in done for index in range(winner[0])):
                return Found(winner[1], done[winner[0]], winner[0] + 1)
    return NotFound(max(done.values(), key=lambda candidate: (candidate.margin, -candidate.index)), attempts)


def _best_so_far(margin: float) -> str:
    return f"best margin {margin:.3g}"


def _confirm(problem: Problem, candidate: Candidate) -> Certificate | None:
    """The candidate's certificate, read and checked here."""
    if candidate.certificate is None:
        return None
    try:
        certificate = loads(candidate.certificate)
    except CertificateError:
        return None
    return None if isinstance(check(certificate), Invalid) or not problem.settles(certificate) else certificate


def _candidates(
    problem: Problem,
    attempts: int,
    seed: int,
    seeded: bool,
    executor: ExecutorLike,
    database: RunDatabase | None,
) -> Generator[Candidate, None, None]:
    """Candidates known from the database first, then the others as they finish, each recorded before it is yielded."""
    keys = [
        {"kind": "capacity-search", "problem": problem.key(), "entropy": seed, "seeded": seeded, "index": index}
        for index in range(attempts)
    ]
    missing = []
    for index, key in enumerate(keys):
        known = None if database is None else database.read(key, partial(_read_candidate, problem, index))
        if known is None:
            missing.append(index)
        else:
            yield known
    task = partial(_attempt, problem, seed, seeded)
    # Leaving the loop early closes the generator, which cancels what has not begun.
    finished = cast("Generator[tuple[int, Candidate], None, None]", run_tasks(task, missing, executor))
    with closing(finished):
        for _, candidate in finished:
            if database is not None:
                database.record(keys[candidate.index], asdict(candidate))
            yield candidate


def _read_candidate(problem: Problem, index: int, row: Mapping[str, Any]) -> Candidate:
    """The candidate in a stored run."""
    point = tuple(read_field({"point": x}, "point", float) for x in read_field(row, "point", list))
    if read_field(row, "index", int) != index or len(point) != problem.dimension or len(row) != 5:
        raise ValueError(f"it is not of attempt {index} at this problem")
    start, margin = read_field(row, "start", str), read_field(row, "margin", float)
    return Candidate(index, start, margin, point, read_field(row, "certificate", str, None))


def _attempt(problem: Problem, seed: int, seeded: bool, index: int) -> Candidate:
    return attempt(problem, seed, index, seeded)
