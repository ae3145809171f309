"""The results of Toy Models of Superposition: phases, companions, energy levels, packings, and their pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from relugeom.autoencoder import Independent, Parameters, flatten, unflatten
from relugeom.cli import main
from relugeom.errors import ArgumentError
from relugeom.figures.style import DARK, render
from relugeom.figures.toy_models import packing
from relugeom.optim import AdamW
from relugeom.studies.companions import companions, pair_cosines
from relugeom.studies.levels import energy_levels
from relugeom.studies.packing import largest_cosine, packings, sphere_points, thomson_energy
from relugeom.studies.phases import OUTCOMES, candidate_losses, exact_boundaries, outcome_of, phase_diagram


def test_candidates_are_minima_of_the_exact_loss() -> None:
    """L₂ and L₃ by SciPy's BFGS on `Independent`, one law at a time."""
    turn = 2 * np.pi / 3 * np.arange(3)
    starts = {2: np.array([[1.0, -1.0]]), 3: np.stack([np.cos(turn), np.sin(turn)])}
    for n, p, r in ((2, 0.2, 0.5), (3, 0.1, 0.6)):
        law = Independent(n, 1 - p, importance=[*[1.0] * (n - 1), r])
        W = starts[n]

        def value(x: np.ndarray, law: Independent = law, shape: tuple[int, ...] = W.shape) -> tuple[float, np.ndarray]:
            at = unflatten(x, *shape)
            return float(law.loss(at)), flatten(law.gradient(at))

        found = minimize(value, flatten(Parameters(W, np.zeros(n))), jac=True, tol=1e-9).fun
        none, own, superposed = candidate_losses(n, p, r)
        assert none == pytest.approx(r * (p / 3 - p * p / 4))
        assert own <= p / 3 - p * p / 4
        assert superposed <= found * (1 + 1e-7)
        if n == 2:
            assert superposed == pytest.approx(found, rel=1e-7)


def test_two_features_on_a_line_may_change_roles() -> None:
    """L(p, r) = r L(p, 1/r) for n = 2, and at a boundary two outcomes lose the same."""
    [edge] = exact_boundaries(2, [0.4], [0.25, 0.5])
    assert (edge.below, edge.above) == (0, 2)
    r = np.array([edge.r, 1 / edge.r])
    (none, _, superposed), (_, own, other) = candidate_losses(2, 0.4, r)
    assert none == pytest.approx(superposed, rel=1e-2)
    assert [none, superposed] == pytest.approx([edge.r * own, edge.r * other], rel=1e-6)


def test_training_finds_the_phases() -> None:
    diagram = phase_diagram(
        2, densities=[0.1, 0.9], importances=[0.2, 3.0], seeds=2, batch=256, steps=500, optimiser=AdamW(0.01)
    )
    assert [[OUTCOMES[k] for k in line] for line in diagram.exact] == [
        ["superposed", "superposed"],
        ["not represented", "own dimension"],
    ]
    assert diagram.agreement == 1
    assert (diagram.trained_losses >= diagram.losses * (1 - 1e-9)).all()
    assert diagram.excess < 0.1


def test_outcomes_by_eye() -> None:
    assert OUTCOMES[outcome_of(np.array([[1.0, 0.0, 0.1], [0.0, 1.0, 0.1]]))] == "not represented"
    assert OUTCOMES[outcome_of(np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]]))] == "own dimension"
    assert OUTCOMES[outcome_of(np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]))] == "superposed"


def test_pairs_are_counted_by_their_cosines() -> None:
    W = np.array([[1.0, 0.0, -1.0, 0.9], [0.0, 1.0, 0.0, 0.1]])
    assert pair_cosines(W, ((0, 1), (0, 2), (0, 3))) == pytest.approx([0, -1, 0.9 / np.hypot(0.9, 0.1)])
    assert np.isnan(pair_cosines(0.1 * W, ((0, 1),))).all()
    cases = companions(0.9, seeds=2, batch=256, steps=600, optimiser=AdamW(0.01))
    assert [len(case.pairs) for case in cases] == [2, 2, 3]
    for case in cases:
        counts = case.counts()
        assert counts["pairs"] == 2 * len(case.pairs)
        assert case.cosines.shape == (2, len(case.pairs))
    assert cases[1].row.losses[0] < 1e-3  # never together: two antipodal pairs lose nothing


def test_levels_end_where_training_does() -> None:
    law = Independent(6, 0.9)
    run = energy_levels(law, 12, m=2, batch=64, steps=40)
    assert run.steps[0] == 0
    assert run.steps[-1] == 40
    assert run.dimensionality.shape == (len(run.steps), 6)
    assert run.losses[-1] < run.losses[0]
    with pytest.raises(ArgumentError, match="looks must be a whole number, at least 2"):
        energy_levels(law, 1)


def test_points_on_the_sphere_are_the_known_ones() -> None:
    tetrahedron, octahedron = sphere_points(4, starts=2), sphere_points(6, starts=2)
    assert largest_cosine(tetrahedron) == pytest.approx(-1 / 3, abs=1e-6)
    assert thomson_energy(np.array([[1.0, -1.0, 1.0]])) == np.inf
    assert thomson_energy(octahedron) == pytest.approx(12 / 2**0.5 + 3 / 2, abs=1e-9)
    five = sphere_points(5, 2, starts=2)
    assert largest_cosine(five) == pytest.approx(np.cos(2 * np.pi / 5), abs=1e-6)
    [row] = packings([4], 3, 0.9, seeds=2, batch=256, steps=500, optimiser=AdamW(0.01))
    assert row.represented == 4
    assert row.energy >= row.thomson_energy - 1e-9
    assert json.loads(json.dumps(row.record()))["W"] == row.model.W.tolist()
    assert render(packing([row], DARK), "svg", DARK).startswith(b"<?xml")


@pytest.mark.parametrize("study", ["phases", "companions", "levels"])
def test_every_study_prints_and_draws(study: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    size = "--n 2 --densities 0.1..0.2/2 --importances 1..2/2" if study == "phases" else ""
    line = ["toy", study, *size.split(), "--steps", "3", "--batch", "8", "--seeds", "2"]
    assert main([*line, "--figures", str(tmp_path), "-o", str(tmp_path / "toy.sqlite")]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) > 3
    drawn = sorted(tmp_path.glob("*.svg"))
    assert drawn
    assert all(path.read_text().startswith("<?xml") and path.name in text for path in drawn)
    assert main([*line, "--json", "-o", str(tmp_path / "toy.sqlite"), "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("toy phases --n 4", "n must be 2 or 3; got 4"),
        ("toy levels --sparsities 0.5 0.9", "levels has one sparsity"),
        ("toy --densities 1..2", "must be FIRST..LAST/COUNT"),
        ("toy phases --n 2 --importances 1..1/3", "importances must be at least two rising numbers"),
    ],
)
def test_wrong_studies_are_refused(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(line.split())
    except SystemExit as end:
        status = int(end.code or 0)
    assert status == 2
    assert message in capsys.readouterr().err
