"""What is my model? Known models must get the known answers, in numbers, in words and on the page."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from relugeom.autoencoder import (
    Axial,
    DenseExamples,
    Independent,
    Parameters,
    UniformAxial,
    example_dimensionality,
    feature_dimensionality,
    gradient,
    kink_distance,
    loss,
    recovered_amplitudes,
    symmetric_failure,
    zero_loss_polygon,
)
from relugeom.autoencoder.examples import SparseExamples
from relugeom.cli import main
from relugeom.errors import ArgumentError
from relugeom.exact.certificates import loads
from relugeom.exact.check import Valid, check
from relugeom.figures.models import antiprism
from relugeom.inspection import html_page, inspect, table, text_table
from relugeom.inspection.geometry import interference
from relugeom.inspection.sums import recovery, sums_over_axes
from relugeom.landscape.certifying import stored_certificates
from tests.test_cli import ENVIRONMENT

FILES = Path(__file__).parent / "fixtures" / "models"
TURN = 2 * np.pi * np.arange(5) / 5
P = 1.203 * np.stack([np.cos(TURN), np.sin(TURN)])
SQUARE = np.array([[1, 0, -1, 0, 0.002], [0, 1, 0, -1, 0]])


def random_model(seed: int, m: int = 2, n: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, n)), rng.normal(size=n) / 3


@pytest.mark.parametrize("data", [Axial(7), Axial(7, (0.5, 1.0), (1, 3)), UniformAxial(7)])
@pytest.mark.parametrize("seed", range(4))
def test_sums_are_those_of_the_definition(data: object, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relugeom.inspection.sums._BLOCK", 20)  # blocks of two inputs
    W, b = random_model(seed)
    found = sums_over_axes(W, b, W.T.copy(), data, 1e-9, tied=True, biased=True)
    model = Parameters(W, b)
    assert found.feature_loss.sum() == pytest.approx(float(loss(model, data)))
    slope = gradient(model, data)
    assert found.gradient_norm == pytest.approx(np.sqrt((slope.W**2).sum() + (slope.b**2).sum()))
    assert found.kink_distance == pytest.approx(float(kink_distance(model, data)))


def test_examples_are_summed_over_like_axes() -> None:
    W, b = random_model(5)
    X = np.diag(np.linspace(0.2, 1, 7)) + np.eye(7, k=2) / 3
    dense = inspect(W, b, X)
    sparse = inspect(W, b, SparseExamples.from_dense(X))
    assert dense.loss == pytest.approx(float(loss(Parameters(W, b), X)))
    assert dense.loss == pytest.approx(sparse.loss)
    slope = gradient(Parameters(W, b), X)
    assert dense.sums.gradient_norm == pytest.approx(np.sqrt((slope.W**2).sum() + (slope.b**2).sum()))
    np.testing.assert_allclose(dense.example_dimensionality, example_dimensionality(W, X))
    np.testing.assert_allclose(sparse.example_dimensionality, dense.example_dimensionality)
    identity = inspect(W, b, np.eye(7))
    assert identity.loss == pytest.approx(inspect(W, b).loss)
    assert "7 examples" in identity.data


def test_an_untied_gradient_is_that_of_both_matrices() -> None:
    W, b = random_model(6)
    R = random_model(7)[0].T.copy()
    found = inspect(W, b, decoder=R)

    def value(W: np.ndarray, R: np.ndarray, b: np.ndarray) -> float:
        return float(((np.maximum(W.T @ R.T + b, 0) - np.eye(7)) ** 2).sum() / 7)

    assert found.loss == pytest.approx(value(W, R, b))
    step, square = 1e-6, 0.0
    for part in (W, R, b):
        for place in np.ndindex(part.shape):
            part[place] += step
            up = value(W, R, b)
            part[place] -= 2 * step
            down = value(W, R, b)
            part[place] += step
            square += ((up - down) / (2 * step)) ** 2
    assert found.sums.gradient_norm == pytest.approx(np.sqrt(square), rel=1e-6)
    assert found.nature.name in ("not critical", "drifting")
    assert found.zero_loss is None
    assert "tied models" in found.text()


@pytest.mark.parametrize("seed", range(6))
def test_amplitudes_are_the_exact_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    W = zero_loss_polygon(6).W * rng.uniform(1, 1.5, 6)
    b = -rng.uniform(0.2, 0.9, 6) * (W**2).sum(axis=0)
    found = recovery(W, b, W.T.copy(), np.zeros(6, bool), 0.0)
    exact = recovered_amplitudes(W, b)
    for i, interval in enumerate(exact):
        if found.recovered[i]:
            assert float(interval.low) == pytest.approx(found.low[i])
            assert found.high[i] >= 1
    assert found.recovered.tolist() == [1 in interval for interval in exact]


def test_geometry_is_that_of_the_definition() -> None:
    W, b = random_model(8, 3, 9)
    found = inspect(W, b)
    np.testing.assert_allclose(found.dimensionality, feature_dimensionality(W))
    unit = W / np.linalg.norm(W, axis=0)
    overlaps = (unit.T @ W) ** 2
    np.testing.assert_allclose(found.interference, overlaps.sum(axis=1) - np.diag(overlaps))
    np.testing.assert_array_equal(interference(np.zeros((2, 3))), 0)


def test_a_pentagon() -> None:
    trained = inspect(P, np.full((5, 1), -0.4472))
    assert trained.nature.name == "global minimum"
    assert trained.shape.regular
    assert trained.shape.words.startswith("a regular 5-gon")
    assert not trained.recovery.recovered.any()  # z is 1.2e-5 above 0 beside it, and that is said
    assert "by 1.2e−05" in trained.text()
    assert isinstance(check(trained.nature.certificate), Valid)
    for model in (zero_loss_polygon(5), zero_loss_polygon(5, 0.3), zero_loss_polygon(12, 0.1)):
        polygon = inspect(*model)
        assert polygon.recovery.recovered.all()
        assert polygon.zero_loss
        assert polygon.loss < 1e-29
    assert inspect(P.astype(np.float32), np.full(5, -0.4472, np.float32)).tolerance > 1e-6


def test_a_square_with_a_null_feature() -> None:
    found = inspect(SQUARE, [0, 0, 0, 0, 0.05])
    assert found.null == (4,)
    assert found.shape.counts == (4,)
    assert found.recovery.recovered.sum() == 0
    assert found.recovery.but_for_null.sum() == 4
    assert "4 if the constant outputs of null features are set aside" in " ".join(found.text().split())


def test_a_symmetric_failure_is_a_saddle_on_a_kink() -> None:
    found = inspect(*symmetric_failure(5))
    assert found.type.endswith("on a kink: saddle")
    assert found.nature.direction.W.shape == (2, 5)
    assert found.sums.kinks == 12
    assert found.sums.feature_loss.argmax() == 4


@pytest.mark.parametrize("name", ["grid-n6-00-spurious.json", "uniform-n6-00-spurious.json"])
def test_a_strict_minimum_is_certified(name: str) -> None:
    point = stored_certificates()[name]
    data = Axial(6, tuple(map(float, point.amplitudes))) if point.amplitudes else "uniform"
    found = inspect(np.array(point.encoder, float), np.array(point.bias, float), data)
    assert found.nature.name == "strict minimum"
    assert found.type.endswith("; strict minimum modulo rotation, spurious")
    assert isinstance(check(found.nature.certificate), Valid)
    assert found.nature.distance < 1e-6


def test_an_antiprism() -> None:
    found = inspect(1.2 * antiprism(), np.full(8, -0.4))
    assert found.m == 3
    assert found.shape.regular
    np.testing.assert_allclose(found.dimensionality, 3 / 8)
    assert "<canvas" not in found.html()
    assert "arrow keys" in found.html()


def test_flat_drifting_and_diverged() -> None:
    assert inspect(0.5 * P, np.full(5, -0.4472)).nature.name == "flat"
    broken = inspect(np.full((2, 3), np.nan), np.zeros(3))
    assert broken.nature.name == "diverged"
    assert "not finite" in broken.text()
    assert "not finite" in broken.html()
    assert broken.pictures() == []


@pytest.mark.parametrize(
    ("W", "b"),
    [([[1.0, -1.0, 0.5]], None), (np.eye(4), None), (np.ones((2, 1)), [0.0]), (np.zeros((2, 3)), None),
     (random_model(3, 6, 4)[0], [0.1] * 4), (random_model(4, 3, 20)[0], None), (random_model(4, 4, 90)[0], None)],
)  # fmt: skip
def test_every_shape_gets_a_page(W: object, b: object) -> None:
    found = inspect(W, b)
    assert found.nature.reason
    text = found.text(60)
    assert max(map(len, text.splitlines())) < 140
    assert "Nature" in text
    assert "nan" not in text
    assert found._repr_html_().startswith('<div class="inspection">')
    assert json.loads(json.dumps(found.as_dict()))["n"] == np.shape(W)[1]
    assert len(found.records()) == np.shape(W)[1]


def test_ten_thousand_features_are_held_in_blocks() -> None:
    n = 10_000
    W = np.zeros((2, n))
    W[:, :5] = P
    b = np.full(n, -0.01)
    b[:5] = -0.4472
    found = inspect(W, b)
    assert found.loss == pytest.approx((n - 5) / n)
    assert len(found.null) == len(found.dead) == n - 5
    assert found.shape.regular
    assert found.nature.name == "undecided"
    assert "30,000 parameters" in found.text()


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(ArgumentError, match=r"W must have shape \(m, n\); got \(5,\)"):
        inspect(np.ones(5))
    with pytest.raises(ArgumentError, match=r"b must have shape \(5,\); got \(4,\)"):
        inspect(P, np.ones(4))
    with pytest.raises(ArgumentError, match=r"decoder must have shape"):
        inspect(P, decoder=P)
    with pytest.raises(ArgumentError, match="data must have n = 5 features; got 4"):
        inspect(P, data=Axial(4))
    with pytest.raises(ArgumentError, match='data must be "identity"'):
        inspect(P, data="sparse")
    with pytest.raises(ArgumentError, match=r"examples \(T, 5\)"):
        inspect(P, data=np.ones((3, 4)))


def test_tables_of_many() -> None:
    found = [inspect(*zero_loss_polygon(5), name="a"), inspect(0.5 * P, [-0.4] * 5, name="b\x1b[1m")] * 2
    assert [row["model"] for row in table(found)] == ["a", "b\x1b[1m"] * 2
    text = text_table(found)
    assert "\x1b" not in text
    assert "     2  n = 5, m = 2: 5 recovered; 1 circle; global minimum" in text
    page = html_page(found)
    assert page.count("<h2>") == 3
    assert page.index("2 models: n = 5, m = 2: 5 recovered") < page.index("<h3>Groups</h3>")  # pictures first
    assert "4 models" in page


def relugeom(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "relugeom", *map(str, arguments)],
        cwd=cwd, env=ENVIRONMENT | {"MPLBACKEND": "module://no.such.backend"}, capture_output=True, text=True,
    )  # fmt: skip


def test_the_command(tmp_path: Path) -> None:
    ended = relugeom(
        "inspect", FILES / "linears.pth", "--html", "a.html", "--csv", "a.csv", "--figures", "pictures",
        "--certificate", "a.json", cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "global minimum" in ended.stdout
    assert "--data names others" in ended.stdout
    assert "valid, next to this model: ReLU" in ended.stdout
    assert not re.search(r"\de-\d|[ (]-\d", ended.stdout)  # one minus sign on the page
    assert isinstance(check(loads((tmp_path / "a.json").read_text())), Valid)
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert len(rows) == 5
    assert float(rows[0]["norm"]) == pytest.approx(1.203)
    assert "<svg" in (tmp_path / "a.html").read_text()
    assert {path.stem for path in (tmp_path / "pictures").iterdir()} >= {"regions", "gram", "dimensionality"}
    many = relugeom("inspect", FILES / "instances.pt", "--data", "uniform", "--json", cwd=tmp_path)
    assert [row["n"] for row in json.loads(many.stdout)["models"]] == [5, 5, 5]
    one = relugeom("inspect", FILES / "instances.pt", "--instance", "1", "--data", "grid", "--json", cwd=tmp_path)
    assert json.loads(one.stdout)["data"] == "a·e_i, a in 0.25, 0.5, 0.75, 1"


def test_many_models_are_certified_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    W, b = zero_loss_polygon(3)
    np.savez(tmp_path / "many.npz", W=np.stack([W] * 21), b=np.stack([b] * 21))
    asked = ["inspect", str(tmp_path / "many.npz"), "--json"]
    for more, certified in (([], False), (["--certify"], True)):
        assert main([*asked, *more]) == 0
        assert all(row["certified"] is certified for row in json.loads(capsys.readouterr().out)["models"])
    assert main([*asked[:-1], "--html", str(tmp_path / "many.html")]) == 0
    assert "--certify tries for all of them" in capsys.readouterr().out
    assert "--certify tries for all of them" in (tmp_path / "many.html").read_text()


def test_the_data_of_the_command(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.eye(5) / 2)
    assert (
        "5 examples of 5 features" in relugeom("inspect", FILES / "bare.json", "--data", "X.npy", cwd=tmp_path).stdout
    )
    sparse = relugeom("inspect", FILES / "bare.json", "--data", "sparse", "--examples", 30, cwd=tmp_path)
    assert "30 examples of 5 features" in sparse.stdout
    checkpoint = FILES.parent / "version-0.1.0" / "checkpoint-blocked.npz"
    told = relugeom("inspect", checkpoint, "--html", "told.html", cwd=tmp_path)
    assert "--data training takes these" in " ".join(told.stdout.split())
    assert "--data names others" not in told.stdout
    assert "--data training takes these" in (tmp_path / "told.html").read_text()
    trained = relugeom("inspect", checkpoint, "--data", "training", "--json", cwd=tmp_path)
    assert json.loads(trained.stdout)["data"].endswith("examples of 40 features")
    refused = relugeom("inspect", FILES / "bare.json", "--data", "training", cwd=tmp_path)
    assert refused.returncode == 2
    assert "is for checkpoints" in refused.stderr
    unknown = relugeom("inspect", FILES / "bare.json", "--data", "none.npz", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "--data must be identity" in unknown.stderr


def test_independent_features_are_summed_over_exactly() -> None:
    law = Independent(5, 0.9, 0.9 ** np.arange(5))
    found = inspect(1.15 * P / 1.203, np.full(5, -0.25), law)
    model = Parameters(found.W, found.b)
    assert found.loss == pytest.approx(float(loss(model, law)))
    assert found.sums.kink_distance == 0.25
    assert found.example_dimensionality is None
    assert (found.nature.name, found.nature.inertia) == ("strict minimum", (14, 0, 0))
    assert found.nature.loss < found.loss
    assert "each present with probability 0.1" in found.text()
    X = law.examples(30_000, 0)
    sampled = inspect(found.W, found.b, DenseExamples(X, law.weights))
    assert sampled.loss == pytest.approx(found.loss, rel=0.05)
    assert "30000 examples of 5 features, weighed by importance" in sampled.text()


def test_independent_features_that_are_too_many_to_sum_over() -> None:
    W, b = random_model(0, n=30)
    found = inspect(W, b, Independent(30, 0.9))
    assert any("stand in for the population" in note for note in found.notes)
    cut = inspect(W, b, Independent(30, 0.99, most_active=1))
    assert any("more than 1 active features are left out" in note for note in cut.notes)
    assert cut.nature.name == "not critical"
    with pytest.raises(ArgumentError, match="data must have n = 7 features; got 5"):
        inspect(*random_model(0), Independent(5, 0.9))


def test_the_law_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"W": (0.97 * P[:, :4]).tolist(), "b": [-0.2] * 4}))
    line = ["inspect", str(path), "--data", "independent", "--sparsity", "0.8", "--importance", "0.9"]
    assert main([*line, "--anticorrelated", "0-1-2", "--values", "one", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "its value then 1, importance 1, 0.9, 0.81, 0.729, anticorrelated 0-1-2; over" in found["data"]
    for wrong, message in (
        (["--importance", "1,2"], "importance must be 4 finite numbers"),
        (["--sparsity", "1"], "sparsity must lie in [0, 1); got 1.0"),
        (["--correlated", "0-1", "--anticorrelated", "1-2"], "no feature may be in two groups"),
        (["--data", "uniform"], "--importance is for --data independent; got --data uniform"),
    ):
        assert main([*line, *wrong]) == 2
        assert message in capsys.readouterr().err


def test_the_page_says_when_its_answer_is_of_the_model_after_polishing() -> None:
    exact = zero_loss_polygon(5)
    off = Parameters(exact.W + 1e-5 * np.arange(10).reshape(2, 5), exact.b)
    assert "after polishing, which moved it by" in inspect(*off).html()
