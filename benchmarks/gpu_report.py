"""The tables of what ran on a GPU (gpu_stages.py) as one JSON file and one page.

    python benchmarks/gpu_report.py FOLDER ... [--output benchmarks/results/gpu_stages]

Of several folders the tables of one name are joined.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _table import grid

Row = dict[str, Any]
STAGES = ("device", "kernels", "step", "models", "arc", "metrics", "processor", "variations", "arrays")
NUMPY = "ours, NumPy, one thread"


def tables(folders: Sequence[Path]) -> dict[str, list[Row]]:
    """The rows of every stage that some folder has; folder by folder, each row once."""
    found: dict[str, list[Row]] = {}
    for stage in STAGES:
        rows: dict[str, Row] = {}
        for folder in folders:
            path = folder / f"{stage}.json"
            for row in json.loads(path.read_text(encoding="utf-8")) if path.exists() else []:
                rows.setdefault(row["key"], row)
        if rows:
            found[stage] = list(rows.values())
    return found


def number(value: float | None) -> str:
    """Three digits, with commas from a thousand on; empty where there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def of_steps(rows: Sequence[Row], clock: float, bandwidth: float) -> str:
    """A line for each size and type: ours beside the floor and the others."""
    lines = []
    for dtype in ("float32", "float64"):
        for T in sorted({row["T"] for row in rows}):
            entries = [entry for row in rows if (row["T"], row["dtype"]) == (T, dtype) for entry in row["rows"]]
            times: dict[str, float] = {}
            for entry in entries:
                times.setdefault(entry["variant"], entry["ms"])
            if "ours" not in times:
                continue
            # The floor of operations was counted at 1.755 GHz, that of bytes at 3.35 TB/s.
            operations = entries[0]["floor_operations_ms"] * 1.755e9 / clock
            moved = entries[0]["floor_bytes"]
            peers = [
                next((ms for name, ms in times.items() if name.startswith(peer)), None) for peer in ("torch", "JAX")
            ]
            lines.append([
                f"{T:,}", dtype, number(times["ours"]), number(operations), number(moved / bandwidth * 1e3),
                f"{moved / 1e6:,.1f}", number(times.get(NUMPY)), number(times[NUMPY] / times["ours"]),
                *(number(peer) for peer in peers),
            ])  # fmt: skip
    head = (
        "T", "type", "GPU, ms", "floor of operations, ms", "floor of bytes, ms", "MB", "NumPy, one thread, ms",
        "NumPy : GPU", "torch compiled, ms", "JAX by hand, ms",
    )  # fmt: skip
    return grid(head, lines)


def of_models(rows: Sequence[Row]) -> str:
    """A line for each n and B, million model-steps per second."""
    speeds: dict[tuple[int, int], dict[str, float]] = {}
    for row in rows:
        speeds.setdefault((row["n"], row["B"]), {}).update(row["median"])
    names = ("ours", "jax by hand", "jax jit(vmap(grad))", "torch compiled", "torch bmm eager", NUMPY)
    lines = [
        [str(n), f"{B:,}", *(number(found.get(name)) for name in names)] for (n, B), found in sorted(speeds.items())
    ]
    head = (
        "n",
        "B",
        "ours",
        "JAX by hand",
        "JAX jit(vmap(grad))",
        "torch compiled",
        "torch bmm",
        "ours, NumPy, one thread",
    )
    return grid(head, lines)


def of_arc(rows: Sequence[Row]) -> str:
    """A line for each run."""
    lines = [
        [
            f"{row['T']:,}", str(row["index"] + 1), f"{row['last_loss']:.5f}", f"{row['test_loss']:,.5g}",
            f"{row['test_median']:.4f}", f"{100 * row['test_share_above_2']:.1f}", f"{row['norm_weights']:.2f}",
            f"{row['norm_biases']:.2f}", ", ".join(f"{length:.2f}" for length in row["longest"][:6]),
            f"{row['run_seconds']:.1f}",
        ]
        for row in sorted(rows, key=lambda row: (row["T"], row["index"]))
    ]  # fmt: skip
    head = ("T", "start", "train", "test", "test median", "% above 2", "‖W‖", "‖b‖", "longest features", "seconds")
    return grid(head, lines)


def of_processor(rows: Sequence[Row]) -> str:
    """GPU beside NumPy along the same run."""
    lines = []
    for row in rows:
        if row["step"] % 2_500 and row["step"] != 500:
            continue
        pairs = [
            (row["ours"][name], row[NUMPY][name]) for name in ("last_loss", "test_loss", "norm_weights", "norm_biases")
        ]
        lines.append([f"{row['T']:,}", f"{row['step']:,}", *(f"{gpu:.5g} / {numpy:.5g}" for gpu, numpy in pairs)])
    return grid(("T", "step", "train", "test", "‖W‖", "‖b‖"), lines)


def of_variations(rows: Sequence[Row]) -> str:
    """Readings down, sizes across: training loss, test loss, ‖W‖."""
    parts = []
    for n in sorted({int(row["key"].split()[0][2:]) for row in rows}, reverse=True):
        here = [row for row in rows if row["key"].startswith(f"n={n} ")]
        sizes = sorted({row["T"] for row in here})
        lines = []
        for name in dict.fromkeys(row["name"] for row in here):
            found = {row["T"]: row for row in here if row["name"] == name}
            cells = [
                f"{found[T]['loss']:.4g} / {found[T]['test_loss']:,.4g} / {found[T]['norm_weights']:.3g}"
                if T in found and "diverged" not in found[T] else "diverged" if T in found else ""
                for T in sizes
            ]  # fmt: skip
            lines.append([name, *cells])
        parts.append(
            f"n = {n:,}: training loss / test loss / ‖W‖\n\n" + grid(["", *(f"T = {T:,}" for T in sizes)], lines)
        )
    return "\n\n".join(parts)


def page(found: dict[str, list[Row]]) -> str:
    """Everything that was found, as Markdown."""
    card = found["device"][0]
    clock = float(card["nvidia_smi"].split(",")[3].split()[0]) * 1e6
    bandwidth = card["copy_bytes_per_second"]
    parts = [
        "# What ran on a GPU",
        f"{card['name']}, driver {card['nvidia_smi'].split(', ')[-1]}, CuPy {card['cupy']}, {card['cores']} cores; SM "
        f"clock {clock / 1e9:.2f} GHz. Measured: {bandwidth / 1e12:.2f} TB/s in a large copy (read and written), "
        f"{card['multiply_adds_per_second'] / 1e12:.1f} T multiply-adds per second in a large float32 product. Written "
        "by `python benchmarks/gpu_report.py` from what `python benchmarks/gpu_stages.py` left.",
    ]
    for stage in ("kernels", "arrays"):
        parts += [f"Tests marked `gpu`, {stage}: {row['summary'].strip('= ')}." for row in found.get(stage, [])]
    makers = {
        "step": ("A full-batch step, n = 10,000, m = 2, S = 0.999", lambda rows: of_steps(rows, clock, bandwidth)),
        "models": ("Many small models, million model-steps per second", of_models),
        "arc": ("The paper's run", of_arc),
        "processor": ("GPU / NumPy along the same run", of_processor),
        "variations": ("What the paper leaves open", of_variations),
    }
    for stage, (title, make) in makers.items():
        if stage in found:
            parts += [f"## {title}", make(found[stage])]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "gpu_stages")
    given = parser.parse_args()
    found = tables(given.folders)
    rows = ",\n".join(
        f" {json.dumps(stage)}: [\n" + ",\n".join(f"  {json.dumps(row)}" for row in entries) + "\n ]"
        for stage, entries in found.items()
    )
    given.output.with_suffix(".json").write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    given.output.with_suffix(".md").write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
