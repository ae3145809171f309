"""The search: right gradients, certificates that check, the first success by number, nothing lost, nothing believed."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction as F
from pathlib import Path

import numpy as np
import pytest

from relugeom.capacity import Decoding, Found, Impossible, NotFound, Problem, SphericalCode, soft_minimum
from relugeom.capacity.searches.attempt import attempt
from relugeom.capacity.searches.codes import MeanThreshold
from relugeom.capacity.searches.decoding import inputs
from relugeom.capacity.searches.margins import alternating_margin, row_margin
from relugeom.capacity.searches.problem import Array
from relugeom.capacity.searches.readable import exact_values, integer_grids, rational_directions, shorten
from relugeom.capacity.searches.searching import search
from relugeom.errors import ArgumentError
from relugeom.exact import ActivationThreshold, ExactReconstruction, SignPattern, Valid, check
from relugeom.exact.rationals import as_matrix, as_vector
from relugeom.progress import Progress
from relugeom.storage import RunDatabase

# A sharp soft minimum gives far pairs the weight 0: that underflow is meant.
pytestmark = pytest.mark.floating_point(under="ignore")

PROBLEMS = [
    Decoding(3, 5),
    Decoding(3, 5, tied=False),
    Decoding(2, 4, bias="free"),
    Decoding(2, 4, tied=False, bias="shared", active=2, zero_input=True),
    Decoding(3, 4, bias="shared", unit_norms=True),
    SphericalCode(3, 5, F(1, 4)),
    MeanThreshold(2, 6),
    MeanThreshold(2, 5, ceiling=0.1),
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=repr)
@pytest.mark.parametrize("sharpness", [3.0, 40.0])
def test_gradients(problem: Problem, sharpness: float) -> None:
    x = problem.start(np.random.default_rng(1))
    gradient = problem.margin(x, sharpness)[1]
    h = 1e-5
    for direction, slope in zip(np.eye(len(x)), gradient, strict=True):
        above, below = (problem.margin(x + side * h * direction, sharpness)[0] for side in (1, -1))
        assert slope == pytest.approx((above - below) / (2 * h), abs=1e-6, rel=1e-6)


@pytest.mark.parametrize("problem", PROBLEMS[:6], ids=repr)
def test_the_smooth_margin_grows_towards_the_margin(problem: Problem) -> None:
    x = problem.start(np.random.default_rng(2))
    values = [problem.margin(x, sharpness)[0] for sharpness in (1.0, 10.0, 1e3, 1e6, np.inf)]
    assert values == sorted(values)
    assert values[-1] - values[-2] < 1e-4


def test_soft_minimum() -> None:
    value, weights = soft_minimum(np.array([1.0, 1.0, 9.0]), 2.0)
    assert value == pytest.approx(1 - np.log(2 + np.exp(-16)) / 2)
    assert weights.sum() == pytest.approx(1)
    value, weights = soft_minimum(np.array([3.0, 2.0]), np.inf)
    assert (value, weights.tolist()) == (2.0, [0.0, 1.0])


def test_the_margin_is_the_worst_signed_output() -> None:
    problem = Decoding(2, 3, tied=False, bias="free", active=2, zero_input=True)
    x = problem.start(np.random.default_rng(5))
    W, R, b = problem.unpack(x)
    assert R is not None
    W = W * np.sqrt(3) / np.linalg.norm(W)
    R = R / np.linalg.norm(R, axis=1, keepdims=True)
    rows = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1)]
    assert sorted(map(tuple, inputs(3, 2, True).tolist())) == sorted(map(tuple, np.array(rows, float).tolist()))
    outputs = np.array([R @ W @ np.array(row) + b for row in rows])
    signs = 2 * np.array(rows) - 1
    assert problem.margin(x, np.inf)[0] == pytest.approx((signs * outputs).min())


# ---------------------------------------------------------------------------------------------------------
# What it has to find.


@pytest.mark.parametrize(
    "problem",
    [
        Decoding(3, 7, tied=False),
        Decoding(2, 5, bias="free"),
        Decoding(2, 9, bias="shared"),
        Decoding(2, 6, bias="shared", unit_norms=True),
        Decoding(2, 3, tied=False, bias="free", active=2, zero_input=True),
        Decoding(3, 4, tied=False, bias="free", active=2, zero_input=True),
        Decoding(4, 7, tied=False, bias="free", active=2, zero_input=True),
        Decoding(3, 4, tied=False, bias="shared", active=2),
        Decoding(3, 7, tied=False, values="exact"),
        Decoding(2, 5, bias="free", values="exact"),
        SphericalCode(3, 8, F(27, 100)),
    ],
    ids=repr,
)
def test_found_without_seeding(problem: Problem) -> None:
    outcome = search(problem, attempts=6, seeded=False)
    assert isinstance(outcome, Found)
    assert isinstance(check(outcome.certificate), Valid)
    assert problem.settles(outcome.certificate)
    assert outcome.candidate.start == "random"
    assert outcome.attempts == outcome.candidate.index + 1


def test_small_integers_are_preferred() -> None:
    outcome = search(Decoding(2, 3, tied=False, bias="free", active=2, zero_input=True), seeded=False)
    assert isinstance(outcome, Found)
    assert isinstance(outcome.certificate, SignPattern)
    assert {abs(x) for row in outcome.certificate.encoder for x in row} == {0, 1}


def test_constructions_come_first_and_reach_what_has_no_interior() -> None:
    outcome = search(Decoding(3, 6))
    assert isinstance(outcome, Found)
    assert outcome.candidate.start == "antipodal pairs"
    outcome = search(Decoding(2, 4, tied=False, bias="free", values="exact"))
    assert isinstance(outcome, Found)
    assert isinstance(outcome.certificate, ExactReconstruction)


@pytest.mark.parametrize(
    ("problem", "theorem"),
    [
        (Decoding(2, 5), "two-m-bound-elimination"),
        (Decoding(2, 5, tied=False), "untied-plane"),
        (Decoding(1, 3, tied=False), "untied-line"),
        (Decoding(1, 3, bias="free"), "bias-line"),
        (Decoding(3, 5, tied=False, bias="free", active=2, zero_input=True), "sparse-room-below-2k"),
        (Decoding(4, 16, tied=False, bias="free", active=2, zero_input=True), "sparse-counting-bound"),
    ],
)
def test_impossible_by_theorem(problem: Problem, theorem: str) -> None:
    outcome = search(problem)
    assert isinstance(outcome, Impossible)
    assert outcome.theorem.id == theorem


def test_a_construction_with_a_vanishing_feature_is_no_spherical_code() -> None:
    problem = SphericalCode(3, 9, F(27, 100))
    vanishing = [x for x in problem.constructions().values() if not np.any(x.reshape(3, 9), axis=0).all()]
    assert vanishing
    assert all(problem.certify(x) is None for x in vanishing)


def test_against_the_theorem_nothing_is_found() -> None:
    outcome = search(Decoding(2, 5), attempts=4, against_theorem=True)
    assert isinstance(outcome, NotFound)
    assert outcome.best.margin <= 1e-12
    assert outcome.attempts == 4


# ---------------------------------------------------------------------------------------------------------
# Order, storage, trust.


@dataclass(frozen=True)
class Scripted(Problem):
    """Attempt i ends at the point it starts from; some attempts have a certificate, early ones take longest."""

    successes: tuple[float, ...] = ()
    forged: bool = False

    @property
    def dimension(self) -> int:
        return 1

    def start(self, rng: np.random.Generator) -> Array:
        return np.array([float(rng.integers(0, 100))])

    def margin(self, x: Array, sharpness: float) -> tuple[float, Array]:
        return 1.0 + x[0] / 1000, np.zeros(1)

    def certify(self, x: Array) -> SignPattern | None:
        time.sleep(0.05 if x[0] in self.successes[:1] else 0.0)
        if x[0] not in self.successes:
            return None
        entry = 1 if self.forged else -1
        return SignPattern(as_matrix([[1, entry]]), as_matrix([[1], [-1]]))


def starts(count: int) -> list[float]:
    return [attempt(Scripted(), 0, index, False).point[0] for index in range(count)]


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_the_lowest_number_wins(workers: int) -> None:
    points = starts(30)
    problem = Scripted((points[7], points[9], points[12]))
    with ThreadPoolExecutor(workers) as pool:
        outcome = search(problem, attempts=30, executor=pool)
    assert isinstance(outcome, Found)
    assert outcome.candidate.index == min(i for i, x in enumerate(points) if x in problem.successes)
    assert outcome == search(problem, attempts=30)


def test_a_forged_certificate_is_not_believed() -> None:
    problem = Scripted(tuple(starts(5)), forged=True)
    assert isinstance(search(problem, attempts=5), NotFound)


def test_a_true_certificate_about_something_else_is_not_believed() -> None:
    problem = Decoding(2, 3, bias="free", active=2)
    pattern = SignPattern(as_matrix([[1, 0], [0, 1]]))
    assert not problem.settles(pattern)
    assert not Decoding(2, 2, active=2).settles(pattern)
    assert not Decoding(2, 2, values="exact").settles(pattern)
    assert Decoding(2, 2, bias="shared").settles(pattern)
    biased = SignPattern(as_matrix([[1, 0], [0, 1]]), bias=as_vector([0, F(-1, 2)]))
    assert not Decoding(2, 2).settles(biased)
    assert not Decoding(2, 2, bias="shared").settles(biased)
    assert Decoding(2, 2, bias="free").settles(biased)
    assert not Decoding(2, 2, bias="free", unit_norms=True).settles(SignPattern(as_matrix([[2, 0], [0, 1]])))
    code = ActivationThreshold(as_matrix([[1, -1]]), as_vector([F(-1, 2)] * 2), F(1, 2))
    assert SphericalCode(1, 2, F(1, 2)).settles(code)
    assert not SphericalCode(1, 2, F(1, 3)).settles(code)


def test_processes_find_the_same_candidates(tmp_path: Path) -> None:
    problem = Decoding(2, 5)
    for workers in (None, "processes://2"):
        with RunDatabase(tmp_path / f"{workers is None}.sqlite") as database:
            search(problem, attempts=6, against_theorem=True, executor=workers, database=database)
    with RunDatabase(tmp_path / "True.sqlite") as one, RunDatabase(tmp_path / "False.sqlite") as two:
        assert len(one) == 6
        assert list(one) == list(two)


def test_an_interrupted_search_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Scripted()
    path = tmp_path / "runs.sqlite"

    def interrupt(progress: Progress) -> None:
        if progress.done == 4:
            raise KeyboardInterrupt

    with RunDatabase(path) as database, pytest.raises(KeyboardInterrupt):
        search(problem, attempts=10, database=database, progress=interrupt)
    with RunDatabase(path) as database:
        assert len(database) == 4
    computed = []

    def counted(problem: Problem, seed: int, index: int, seeded: bool) -> object:
        computed.append(index)
        return attempt(problem, seed, index, seeded)

    monkeypatch.setattr("relugeom.capacity.searches.searching.attempt", counted)
    with RunDatabase(path) as database:
        resumed = search(problem, attempts=10, database=database)
    assert computed == [4, 5, 6, 7, 8, 9]
    assert resumed == search(problem, attempts=10)


def test_a_stored_certificate_is_checked_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    problem = Scripted(tuple(starts(1)))
    with RunDatabase(path) as database:
        assert isinstance(search(problem, attempts=1, database=database), Found)
    with sqlite3.connect(path) as connection:
        (text,) = connection.execute("SELECT result FROM runs").fetchone()
    assert '\\"encoder\\"' in text
    other = Scripted(tuple(starts(1)), forged=True)
    assert isinstance(search(other, attempts=1), NotFound)


def test_progress_is_told_after_every_attempt() -> None:
    seen: list[Progress] = []
    search(Scripted(), attempts=3, progress=seen.append)
    assert [(p.done, p.total) for p in seen] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert [p.detail.split()[:2] for p in seen] == [[], *[["best", "margin"]] * 3]
    margins = [float(p.detail.split()[-1]) for p in seen[1:]]
    assert margins == sorted(margins)


# ---------------------------------------------------------------------------------------------------------
# The parts.


def test_row_margin_is_the_best() -> None:
    row = row_margin(np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), np.array([1.0, -1.0, -1.0]), bias=True)
    # r = (1, −1), b = 0 gives margin 1, and no row with |r_a| ≤ 1 gives more.
    assert row.margin == pytest.approx(1)
    assert row_margin(np.array([[1.0], [2.0]]), np.array([1.0, -1.0]), bias=False).margin == 0


def test_alternating_never_loses() -> None:
    rng = np.random.default_rng(0)
    W = rng.normal(size=(3, 4))
    X = inputs(4, 2, True)
    W2, R, b = alternating_margin(W, X, bias=True)
    first = min(row_margin(X @ (W / np.abs(W).max()).T, 2 * X[:, i] - 1, bias=True).margin for i in range(4))
    assert ((2 * X - 1) * (X @ W2.T @ R.T + b)).min() >= first - 1e-9
    assert np.abs(W2).max() <= 1 + 1e-9


def test_grids_get_finer_and_never_repeat() -> None:
    W = np.random.default_rng(0).normal(size=(2, 4))
    grids = list(integer_grids(W, tied=True))
    assert len(set(grids)) == len(grids)
    assert all(x.denominator == 1 for grid in grids for row in grid for x in row)
    last = np.array(grids[-1], dtype=float)
    gram = last.T @ last
    assert gram / gram[0, 0] == pytest.approx(W.T @ W / (W.T @ W)[0, 0], abs=1e-6)
    assert list(integer_grids(np.full((2, 2), np.nan), tied=True)) == []


def test_rational_directions_are_unit_vectors() -> None:
    W = np.array([[3.0, -1.0, 0.5], [1.0, 0.0, -2.0], [0.0, 0.0, 7.0]])
    for encoder in rational_directions(W):
        assert all(sum(row[j] ** 2 for row in encoder) == 1 for j in range(3))
    assert np.array(encoder, dtype=float) == pytest.approx(W / np.linalg.norm(W, axis=0), abs=1e-8)


def test_shortened_keeps_the_statement() -> None:
    W = as_matrix([[1] * 5, range(5), [t * t for t in range(5)]])
    long = as_matrix([[F(1 - t * t, 3), F(2 * t, 3), F(-1, 3)] for t in range(5)])
    short = shorten(SignPattern(W, long), "none")
    assert isinstance(check(short), Valid)
    assert short.decoder is not None
    assert all(x.denominator == 1 for row in short.decoder for x in row)


def test_exact_values_scale() -> None:
    tied = exact_values(SignPattern(as_matrix([[1, 0, -1], [0, 1, -1]]), bias=as_vector([F(-1, 2)] * 3)))
    assert tied is not None
    assert isinstance(check(tied), Valid)
    assert exact_values(SignPattern(as_matrix([[2, -2]]))) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Decoding(0, 3), "m and n"),
        (lambda: Decoding(2, 3, active=4), "active must lie in 1 to n = 3"),
        (lambda: Decoding(2, 3, bias="some"), "bias must be"),  # type: ignore[arg-type]
        (lambda: Decoding(2, 3, values="some"), "values must be"),  # type: ignore[arg-type]
        (lambda: Decoding(2, 3, active=2, values="exact"), "one active feature"),
        (lambda: SphericalCode(2, 1), "n must be"),
        (lambda: SphericalCode(2, 3, F(1)), "threshold"),
        (lambda: search(Decoding(2, 3), attempts=0), "attempts must be at least 1"),
    ],
)
def test_errors_name_the_argument(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArgumentError, match=message):
        call()
