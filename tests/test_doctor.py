"""doctor and bench: what they tell is so, with a GPU and without."""

from __future__ import annotations

import json

import numpy as np
import pytest

from relugeom.bench import Timing, bench, crossover
from relugeom.cli import main
from relugeom.doctor import blas, diagnose
from relugeom.engines.choice import ENGINES, choose_engine, why_not
from relugeom.engines.cuda.backend import find_device
from relugeom.errors import ArgumentError


@pytest.mark.parametrize("T", [10, 300, 1_000, 5_000, 100_000])
@pytest.mark.parametrize(("n", "m"), [(20, 2), (10_000, 2), (10_000, 3), (10_000, 5)])
def test_one_engine_is_taken_and_the_others_have_reasons(T: int, n: int, m: int) -> None:
    advice = diagnose(T, n, m).engines
    assert [a.engine for a in advice] == list(ENGINES)
    taken = [a.engine for a in advice if a.taken]
    assert taken == [choose_engine(T, n, m).name]
    assert all(a.taken == (not why_not(a.engine, T, n, m)) for a in advice)
    assert all(bool(a.reason) != a.taken for a in advice)
    assert all("\n" not in a.reason for a in advice)


def test_doctor_prints_rows_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "-T", "100"]) == 0
    text = capsys.readouterr().out
    for word in ("numpy", np.__version__, "BLAS", "CuPy", "GPU", "NVRTC", "* lazy"):
        assert word in text
    assert main(["doctor", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["versions"]["numpy"] == np.__version__
    assert data["device"]["works"] == find_device().works
    assert data["device"]["works"] or data["device"]["reason"]


def test_doctor_refuses_what_is_no_size(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["doctor", "-T", "0"])
    assert "argument -T/--examples: must be a positive whole number; got 0" in capsys.readouterr().err
    with pytest.raises(ArgumentError, match="T, n and m must be positive; got 0, 10000, 2"):
        diagnose(0)


def test_blas_names_itself() -> None:
    found = blas()
    assert found["name"]
    assert found["threads"] is None or found["threads"] >= 1


def test_bench_times_every_size_once(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["-T", "20", "50", "-B", "10", "--small", "5", "13", "--features", "100", "--repetitions", "2"]
    assert main(["bench", *small, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [row["size"] for row in data["timings"] if row["engine"] != "cuda"] == [20, 50, 10, 10]
    assert all(row["seconds"] > 0 for row in data["timings"])
    assert main(["bench", *small, "--markdown"]) == 0
    table = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert len(table) == 2 + len(data["timings"])
    assert {line.count("|") for line in table} == {8}


def test_bench_refuses_empty_sizes() -> None:
    with pytest.raises(ArgumentError, match="must be positive"):
        bench(examples=(0,))


def test_the_crossover_is_where_the_gpu_stays_ahead() -> None:
    def timings(pairs: dict[int, tuple[float, float]]) -> list[Timing]:
        return [
            Timing("full batch", T, 10, "float32", engine, seconds)
            for T, both in pairs.items()
            for engine, seconds in zip(("numpy", "cuda"), both, strict=True)
        ]

    name = "full batch, n = 10, float32"
    assert crossover(timings({10: (1, 2), 100: (3, 2), 1000: (9, 3)})) == {name: 100}
    assert crossover(timings({10: (3, 2), 100: (1, 2), 1000: (9, 3)})) == {name: 1000}
    assert crossover(timings({10: (1, 2)})) == {name: None}
    assert crossover(timings({10: (1, 2)})[:1]) == {}
