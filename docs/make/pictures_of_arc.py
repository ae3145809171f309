"""Draw the pictures of the whole arc in docs/training.md, T = 5 to 1,000,000: python docs/make/pictures_of_arc.py

    python docs/make/pictures_of_arc.py --record FOLDER ...   # docs/arc.json from what benchmarks/gpu_stages.py left
    python docs/make/pictures_of_arc.py --crossing T ...      # adds built models at these T (minutes, 2 GB at 10⁶)
    python docs/make/pictures_of_arc.py --stay T CORNERS RATE STEPS    # prints what AdamW makes of a built model

docs/arc.json holds, for every run, its losses, norms and dimensionalities, and for some of them a sample of the latent
vectors and the longest features, so that the pictures need none of the data.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.autoencoder.geometry import dimensionality
from relugeom.autoencoder.memorising import memorising_loss
from relugeom.autoencoder.packing import packed_polygon
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.choice import choose_engine, make_engine
from relugeom.figures.draw import empty_plane
from relugeom.figures.style import DARK, LIGHT, PAGE, Theme, house_style, render
from relugeom.optim import AdamW
from relugeom.storage import load_arrays
from relugeom.training import Configuration
from relugeom.training.metrics import latent_vectors
from relugeom.training.sweeps import independent_seeds

DOCS = Path(__file__).parents[1]
RECORD = DOCS / "arc.json"
# (T, which start): of two starts the one of lower training loss, and at 10,000 both.
PANELS = (
    (5, 1), (10, 1), (15, 1), (30, 1), (100, 1), (500, 1), (1_000, 1), (2_000, 1), (5_000, 0), (10_000, 1), (10_000, 0),
    (20_000, 1), (100_000, 0), (1_000_000, 0),
)  # fmt: skip
SAMPLE, LONGEST = 160, 60
MEMORISED_UP_TO = 5_000  # beyond, `memorising_loss` has next to no private feature to build on


def _rounded(array: Any, digits: int = 3) -> Any:
    return [[float(f"{x:.{digits}g}") for x in row] for row in np.asarray(array).tolist()]


def record(folders: Sequence[Path]) -> None:
    """One entry for each model, with the rows of its table."""
    kept = _read()
    runs: dict[tuple[int, int], dict[str, Any]] = {}
    readings: dict[tuple[str, int], dict[str, Any]] = {}
    for folder in folders:
        if (folder / "arc.json").exists():
            for row in json.loads((folder / "arc.json").read_text(encoding="utf-8")):
                path = folder / "models" / f"T{row['T']}-seed{row['index']}.npz"
                runs.setdefault((row["T"], row["index"]), _run(row, path))
        if (folder / "variations.json").exists():
            for row in json.loads((folder / "variations.json").read_text(encoding="utf-8")):
                if row["key"].startswith("n=10000 ") and "loss" in row:
                    names = ("T", "name", "loss", "test_loss", "norm_weights", "norm_biases")
                    readings.setdefault((row["name"], row["T"]), {name: row[name] for name in names})
    kept["runs"] = [runs[key] for key in sorted(runs)]
    kept["readings"] = [readings[key] for key in sorted(readings)]
    _write(kept)


def _run(row: dict[str, Any], path: Path) -> dict[str, Any]:
    stored, facts = load_arrays(path, kind="gpu run")
    configuration = Configuration.from_dict(facts["configuration"])
    examples = configuration.examples()
    assert isinstance(examples, SparseExamples)
    assert examples.digest() == row["data"]
    n = configuration.n
    W, b = stored["parameters"][: 2 * n].reshape(2, n).astype(np.float64), stored["parameters"][2 * n :]
    H = latent_vectors(examples, W)
    of_examples, of_features = np.asarray(dimensionality(H)), np.asarray(dimensionality(W.T))
    longest = np.argsort(-np.linalg.norm(W, axis=0))[:LONGEST]
    found = {
        "T": row["T"], "start": row["index"], "train": row["last_loss"], "test": row["test_loss"],
        "test_median": row["test_median"], "above_2": row["test_share_above_2"], "norm_W": row["norm_weights"],
        "norm_b": row["norm_biases"], "seconds": row["run_seconds"],
        "median_example_D": float(np.median(of_examples)), "median_feature_D": float(np.median(of_features)),
        "lengths": np.linalg.norm(W, axis=0)[longest[:8]].round(4).tolist(),
        "lengths_D": of_features[longest[:8]].round(4).tolist(),
        "lengths_b": b[longest[:8]].astype(float).round(4).tolist(),
        "largest_h": float(np.linalg.norm(H, axis=1).max()),
    }  # fmt: skip
    if (row["T"], row["index"]) in PANELS:
        rng = np.random.default_rng(0)
        few = rng.choice(len(H), min(SAMPLE, len(H)), replace=False)
        found["panel"] = {
            "latent": _rounded(H[few]), "features": _rounded(W[:, longest].T),
            "example_D": _rounded(of_examples[few][None])[0],
            "feature_D": _rounded(of_features[np.concatenate([longest, rng.choice(n, LONGEST)])][None])[0],
        }  # fmt: skip
    return found


def crossing(sizes: Sequence[int]) -> None:
    """Losses of built models at these T, on the runs' own data."""
    kept = _read()
    data_seed = independent_seeds(0, 1)[0]
    found = {entry["T"]: entry for entry in kept.get("crossing", [])}
    for T in sizes:
        examples = sparse_unit_norm_examples(T, seed=data_seed)
        packing = packed_polygon(examples)
        values = examples.values.astype(np.float64)
        mean = np.bincount(examples.indices, values, minlength=examples.n) / T
        entry = {
            "T": T, "packed": packing.loss, "corners": len(packing.corners),
            "constant": float(values @ values) / T - float(mean @ mean), "largest": _largest(examples),
        }  # fmt: skip
        if T <= MEMORISED_UP_TO:
            entry["memorising"] = memorising_loss(examples)
        found[T] = entry
        print(json.dumps(entry), flush=True)
    kept["crossing"] = [found[T] for T in sorted(found)]
    _write(kept)


def stay(T: int, corners: int, rate: float, steps: int) -> None:
    """Train on from a built model, in float64: AdamW with decay 0.01, the rate falling to 0 over the second half."""
    examples = sparse_unit_norm_examples(T, seed=independent_seeds(0, 1)[0], dtype=np.float64)
    W, b = packed_polygon(examples, corners).model
    flat, n = np.concatenate([W.ravel(), b]), examples.n
    engine = make_engine(examples, choose_engine(T, n, 2, np.float64))
    optimiser = AdamW(weight_decay=1e-2).start_scheduled(flat.size, np.float64)
    for k in range(steps):
        loss, gradient = engine.value_and_gradient(Parameters(flat[: 2 * n].reshape(2, n), flat[2 * n :]))
        if k % max(1, steps // 10) == 0 or k == steps - 1:
            print(f"step {k}: loss {loss:.6f}", flush=True)
        flat_gradient = np.concatenate([gradient.W.ravel(), gradient.b])
        optimiser.update(flat, flat_gradient, rate * min(1.0, 2 * (steps - k) / steps))


def _largest(examples: SparseExamples) -> float:
    """The loss if every feature came back at the example that has most of it, and nowhere else."""
    most = np.zeros(examples.n)
    np.maximum.at(most, examples.indices, examples.values.astype(np.float64))
    values = examples.values.astype(np.float64)
    return float(values @ values - most @ most) / examples.T


def _read() -> dict[str, Any]:
    return json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}  # type: ignore[no-any-return]


def _write(kept: dict[str, Any]) -> None:
    parts = (
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries) + "\n]"
        for name, entries in kept.items()
    )
    RECORD.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def arc(theme: Theme) -> Figure:
    """Latent vectors and features, dimensionalities, norms, and both losses, over T."""
    kept = _read()
    runs = {(run["T"], run["start"]): run for run in kept["runs"]}
    shown = [runs[key] for key in PANELS if key in runs]
    figure = Figure(figsize=(PAGE, 8.6), layout="constrained")
    upper, middle, lower = figure.subfigures(3, 1, height_ratios=[4.3, 2.1, 2.2])
    columns = -(-len(shown) // 2)
    axes = upper.subplots(4, columns)
    for axis in axes.flat:
        axis.set_axis_off()
    for k, run in enumerate(shown):
        row, column = 2 * (k // columns), k % columns
        twice = " (other start)" if (run["T"], run["start"]) == (10_000, 0) else ""
        for below, (name, colour) in enumerate((("latent", theme.bad), ("features", theme.feature(0)))):
            tips = np.array(run["panel"][name])
            axis = axes[row + below, column]
            empty_plane(axis, 1.1 * float(np.abs(tips).max()), theme, "" if below else f"T = {run['T']:,}{twice}")
            axis.title.set_fontsize(6.5)
            if below:
                axis.plot(
                    [np.zeros(len(tips)), tips[:, 0]], [np.zeros(len(tips)), tips[:, 1]], color=colour, linewidth=0.5
                )
            axis.scatter(*tips.T, s=3, color=colour, linewidths=0, alpha=0.7)
            if column == 0:
                label = "features" if below else "latent vectors"
                axis.text(
                    -0.12, 0.5, label, rotation=90, transform=axis.transAxes, ha="center", va="center", fontsize=6.5
                )
    left, right = middle.subplots(1, 2)
    rng = np.random.default_rng(0)
    for name, colour, shift in (("example_D", theme.bad, 0.92), ("feature_D", theme.feature(0), 1.08)):
        for k, run in enumerate(shown):
            values = np.array(run["panel"][name])
            values = values[values > 1e-7]
            spread = shift * run["T"] * np.exp(0.06 * rng.uniform(-1, 1, len(values)))
            label = None if k else {"example_D": "examples", "feature_D": "features"}[name]
            left.scatter(spread, values, s=3, color=colour, linewidths=0, alpha=0.4, label=label)
    sizes = np.array(sorted({run["T"] for run in kept["runs"]}))
    left.plot(sizes, 2 / sizes, color=theme.faint, linewidth=0.8, linestyle="--", label="2/T")
    left.axhline(0.4, color=theme.faint, linewidth=0.8, linestyle=":", label="2/5")
    left.set(xscale="log", yscale="log", xlabel="examples T", ylabel="dimensionality", ylim=(1e-7, 1.5))
    above: dict[str, Any] = {
        "loc": "lower center", "bbox_to_anchor": (0.45, 1.0), "columnspacing": 1, "handletextpad": 0.3,
    }  # fmt: skip
    left.legend(ncols=4, markerscale=2, **above)
    averaged = [entry for entry in kept["readings"] if entry["name"].startswith("loss averaged")]
    averaged.sort(key=lambda entry: entry["T"])
    of_averaged = np.array([entry["T"] for entry in averaged])
    style: dict[str, Any] = {"markersize": 3, "linewidth": 0.8}
    for start, marker in ((0, "o"), (1, "s")):
        some = [run for run in kept["runs"] if run["start"] == start]
        for k, (name, label) in enumerate((("norm_W", "‖W‖"), ("norm_b", "‖b‖"))):
            right.plot(
                [run["T"] for run in some], [run[name] for run in some], marker=marker, color=theme.feature(k),
                label=None if start else label, **style,
            )  # fmt: skip
    right.plot(of_averaged, [entry["norm_weights"] for entry in averaged], color=theme.feature(0), linestyle="--",
               marker="x", markersize=3.5, linewidth=0.8, label="‖W‖, averaged loss")  # fmt: skip
    right.set(xscale="log", yscale="log", xlabel="examples T", ylabel="norm")
    right.legend(ncols=3, **above)
    axes = lower.subplots(1, 2)
    for start, marker in ((0, "o"), (1, "s")):
        some = [run for run in kept["runs"] if run["start"] == start]
        at, label = [run["T"] for run in some], f"start {start + 1}"
        for axis, name, colour in ((axes[0], "train", theme.bad), (axes[1], "test", theme.feature(0))):
            axis.plot(
                at, [run[name] for run in some], marker=marker, color=colour, linestyle=("-", ":")[start],
                label=f"{name}, {label}", **style,
            )  # fmt: skip
    for axis, name, colour in ((axes[0], "loss", theme.bad), (axes[1], "test_loss", theme.feature(0))):
        axis.plot(of_averaged, [entry[name] for entry in averaged], marker="x", markersize=3.5, linewidth=0.8,
                  color=colour, linestyle="--", label="averaged loss")  # fmt: skip
        axis.axhline(1, color=theme.line, linewidth=0.8)
        axis.set(xscale="log", xlabel="examples T")
        axis.legend(loc="lower right" if name == "loss" else "center right")
    axes[0].set(ylabel="training loss", ylim=(0, 1.05))
    axes[1].set(ylabel="test loss", yscale="log")
    return figure


def built(theme: Theme) -> Figure:
    """How much less than the mean's answer trained and built models cost, over T."""
    kept = _read()
    figure = Figure(figsize=(PAGE, 3.2), layout="constrained")
    axes = figure.subplots()
    entries = kept["crossing"]
    at = np.array([entry["T"] for entry in entries])
    saved = [1 - entry["packed"] for entry in entries]
    axes.plot(at, saved, color=theme.good, marker="D", markersize=3.5, linewidth=1.2,
              label="built: some examples whole, the mean elsewhere")  # fmt: skip
    private = [(entry["T"], 1 - entry["memorising"]) for entry in entries if "memorising" in entry]
    axes.plot(*np.array(private).T, color=theme.feature(4), marker="s", markersize=3.5, linewidth=1.2,
              label="built: private and shared features on one polygon")  # fmt: skip
    best = {T: min(run["train"] for run in kept["runs"] if run["T"] == T) for T in {run["T"] for run in kept["runs"]}}
    some = sorted(T for T in best if T >= 500)
    axes.plot(some, [1 - best[T] for T in some], color=theme.bad, marker="o", markersize=3.5, linewidth=1.2,
              label="trained by the recipe, the better start")  # fmt: skip
    axes.plot(at, [1 - entry["constant"] for entry in entries], color=theme.faint, linewidth=1, linestyle="--",
              label="the mean of every feature, whatever comes in")  # fmt: skip
    axes.plot(at, [1 - entry["largest"] for entry in entries], color=theme.faint, linewidth=1, linestyle=":",
              label="every feature at its largest example alone (no model)")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="examples T", ylabel="1 − training loss")
    axes.grid(color=theme.line, linewidth=0.3)
    axes.legend(loc="upper right")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--crossing", type=int, nargs="+", metavar="T")
    parser.add_argument("--stay", nargs=4, metavar=("T", "CORNERS", "RATE", "STEPS"))
    parser.add_argument("--dark", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    if given.record:
        record(given.record)
    if given.crossing:
        crossing(given.crossing)
    folder, theme = (given.dark, DARK) if given.dark else (DOCS / "img", LIGHT)
    if given.stay:
        T, corners, rate, steps = given.stay
        stay(int(T), int(corners), float(rate), int(steps))
    if not (given.record or given.crossing or given.stay):
        with house_style(theme):
            picture = Image.open(io.BytesIO(render(arc(theme), "png", theme))).convert("RGB")
            picture.quantize(64).save(folder / "arc.png", optimize=True)  # a third of the bytes
            (folder / "arc-built.svg").write_bytes(render(built(theme), "svg", theme))


if __name__ == "__main__":
    sys.exit(main())
