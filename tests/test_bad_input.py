"""What cannot be done is refused in one line that names the argument, and what exists is not replaced unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from relugeom.cli import main

TRAIN = [
    "train",
    "-T",
    "3",
    "--features",
    "20",
    "--sparsity",
    "0.8",
    "--steps",
    "5",
    "--warmup",
    "1",
    "--test-examples",
    "5",
]
REFUSED = [
    ("atlas --learning-rate nan", "learning_rate must be positive and finite; got nan"),
    ("atlas --learning-rate inf", "learning_rate must be positive and finite; got inf"),
    ("atlas --learning-rate -1", "learning_rate must be positive and finite; got -1.0"),
    ("atlas --optimiser sgd --learning-rate 0", "learning_rate must be positive and finite; got 0.0"),
    ("atlas --seed -1", "argument --seed: must be a whole number that is not negative; got -1"),
    ("atlas --escapes -1", "argument --escapes: must be a whole number that is not negative; got -1"),
    ("atlas --n 5..3", "argument --n/--features: must be a range that goes up; got 5..3"),
    ("trace --index -1", "argument --index: must be a whole number that is not negative; got -1"),
    ("trace --learning-rate nan", "learning_rate must be positive and finite; got nan"),
    ("search --m 3 --n 8 --threshold 1/0", "argument --threshold: must be a fraction or a decimal number; got 1/0"),
    ("search --m 2 --n 3 --seed -1", "argument --seed: must be a whole number that is not negative; got -1"),
    (
        "search --m 3 --problem some.py:thing",
        "--problem is the whole problem; give no --m, --n or --threshold beside it",
    ),
    ("train -T 3 --record -5", "argument --record: must be a whole number that is not negative; got -5"),
    ("train -T 3 --momentum 0.9", "--momentum is for the optimiser sgd; got adamw"),
    ("atlas --momentum 0.9", "--momentum is for the optimiser sgd; got adamw"),
    ("toy --momentum 0.9", "--momentum is for the optimiser sgd; got adamw"),
    ("bench -T -1", "argument -T/--examples: must be a positive whole number; got -1"),
    ("bench --repetitions 0", "argument --repetitions: must be a positive whole number; got 0"),
    ("explain", "the following arguments are required: ID"),
]


@pytest.mark.parametrize(("typed", "message"), REFUSED, ids=[typed for typed, _ in REFUSED])
def test_refused_in_one_line(typed: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(typed.split())
    except SystemExit as exit_:
        status = exit_.code
    error = capsys.readouterr().err
    assert status == 2
    assert error.splitlines()[-1] == f"relugeom {typed.split()[0]}: error: {message}"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (
            "cure --n 5 --executor here://1 -o runs",
            "executor must be processes://N or dask://host:port; got 'here://1'",
        ),
        ("census --n 5 --executor processes://0 -o runs", "executor must be processes://N with N at least 1"),
        ("atlas --data independent --n 2,30 --figures pictures", "n = 30 with up to 30 active features takes"),
        ("census --data independent --n 2,30 -o runs --figures pictures", "n = 30 with up to 30 active features takes"),
        ("toy companions --sparsities 0.5 0.9 -o runs", "companions has one sparsity: give --sparsities S"),
        ("toy --n 4 --sparsities 2 -o runs", "sparsity must lie in [0, 1); got 2.0"),
    ],
)
def test_what_is_refused_leaves_no_file(
    typed: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*typed.split(), "--seeds", "2", "--steps", "2"]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_replaced_only_by_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.npz"
    assert main([*TRAIN, "-o", str(path)]) == 0
    before = path.read_bytes()
    assert main([*TRAIN, "--seed", "1", "-o", str(path)]) == 2
    assert capsys.readouterr().err.endswith(f"{path} exists; add --resume to go on with it, or --force to replace it\n")
    assert path.read_bytes() == before
    assert main([*TRAIN, "--seed", "1", "--force", "-o", str(path)]) == 0
    assert path.read_bytes() != before


def test_seeds_that_diverge_are_a_group(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wild = ["atlas", "--optimiser", "sgd", "--learning-rate", "3", "--n", "6", "--seeds", "30", "--steps", "100"]
    assert main(wild) == 0
    assert "diverged" in capsys.readouterr().out
    assert main([*wild, "--json"]) == 0
    printed = capsys.readouterr().out
    groups = json.loads(printed, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["6"]
    lost = [group for group in groups if group["nature"] == "diverged"]
    assert sum(group["count"] for group in lost) > 10
    assert all(group["W"] is None and group["loss"] is None for group in lost)
    file = tmp_path / "atlas.json"
    file.write_text(printed)
    assert main(["explorer", "--atlas", str(file), "--output", str(tmp_path / "page.html")]) == 0


def test_an_atlas_of_nothing_but_seeds_that_diverged_has_no_panels(tmp_path: Path) -> None:
    wild = ["atlas", "--optimiser", "sgd", "--learning-rate", "1e30", "--n", "4", "--seeds", "3", "--steps", "20"]
    assert main([*wild, "--figures", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["atlas.svg"]


def test_the_wrong_kind_of_json_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.json"
    file.write_text(json.dumps({"rows": [{"m": 2}]}))
    assert main(["explorer", "--atlas", str(file), "--output", str(tmp_path / "page.html")]) == 2
    assert "is not what `relugeom atlas --json` prints: no field 'W'" in capsys.readouterr().err
