"""Everything that wants a GPU, stage by stage, for a machine that is at hand for minutes only.

    python benchmarks/gpu_stages.py FOLDER [--stages device kernels step models arc variations arrays] [--seconds 500]
    python benchmarks/gpu_stages.py FOLDER --toy                     # the same stages with NumPy, as small as can be
    python benchmarks/gpu_stages.py FOLDER --stages variations --numpy --sizes 30 100 --only 'loss averaged'

Every stage is a process of its own under a time limit. It writes a row to FOLDER/STAGE.json, and the whole table to
FOLDER/STAGE.txt, as soon as it has it, and passes over rows that are there already: a run that was cut off goes on
when it is called again, and a stage that fails or is stopped costs the others nothing.

    device      which card; copy bandwidth and float32 multiply-add rate as measured
    kernels     the tests marked `gpu` of the kernels
    step        a full-batch step, ours, NumPy's, PyTorch's and JAX's (gpu_step.py)
    models      many small models (many_models.py), all on the GPU, and ours on the processor
    arc         the paper's run for T = 3 to 1,000,000; models in FOLDER/models, states of unfinished runs beside them
    metrics     the metrics of the arc's models, on the processor: not asked for while a GPU waits
    processor   the same runs with NumPy beside the GPU, as far as the time allows
    variations  what the paper leaves open, at a few T; --part 2/12 does the second of twelve parts
    arrays      the rest of the tests marked `gpu`: the package over CuPy
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import numpy as np
from gpu_step import PAPER, PEERS, PROCESSOR, NumpyRun, compare

from relugeom.autoencoder import Axial, Parameters
from relugeom.autoencoder.examples import SparseExamples
from relugeom.doctor import machine
from relugeom.engines.cuda.backend import cuda, find_device
from relugeom.engines.cuda.engine import DeviceRun
from relugeom.engines.cuda.many_models import adam_steps
from relugeom.optim import AdamW
from relugeom.storage import load_arrays, save_arrays
from relugeom.training import Configuration, measure
from relugeom.training.many_models import AxialTraining, initial_models
from relugeom.training.sweeps import independent_seeds

ROOT = Path(__file__).parents[1]
Row = dict[str, Any]
Array = Any


@dataclass(frozen=True)
class Plan:
    """How large the stages are."""

    gpu: bool = True
    features: int = 10_000
    toy: bool = False
    part: tuple[int, int] = (0, 1)
    sizes: tuple[int, ...] = ()
    only: str = ""

    @property
    def steps(self) -> int:
        return 60 if self.toy else 50_000

    def run(self, examples: SparseExamples, parameters: Array, optimiser: AdamW, *, check: bool = True) -> Any:
        """A run at its start, on the GPU or with NumPy."""
        if not self.gpu:
            return NumpyRun(examples, parameters, optimiser=optimiser)
        return DeviceRun(examples, parameters, optimiser=optimiser, check=check)

    def configuration(self, T: int, data_seed: int, seed: int) -> Configuration:
        return Configuration(
            T=T, n=self.features, S=1 - 10 / self.features, data_seed=data_seed, seed=seed, steps=self.steps,
            warmup=self.steps // 20,
        )  # fmt: skip


class Table:
    """Rows with a key each, on the disk as they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    def __contains__(self, key: str) -> bool:
        return any(row["key"] == key for row in self.rows)

    def add(self, key: str, **values: Any) -> None:
        self.rows.append({"key": key, **values})
        _write(self.path, json.dumps(self.rows, indent=1) + "\n")
        _write(self.path.with_suffix(".txt"), _text(self.rows))
        print(_text([self.rows[-1]]), flush=True)


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def _text(rows: Sequence[Row]) -> str:
    return "".join(
        "  ".join(f"{name} {_short(value)}" for name, value in row.items() if not isinstance(value, list)) + "\n"
        for row in rows
    )


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_short(entry)}" for name, entry in value.items())
    return f"{value:.5g}" if isinstance(value, float) else str(value)


# --- the card -------------------------------------------------------------------------------------------------------


def device(plan: Plan, table: Table) -> None:
    """What the card is and what it can do: a large copy, a large product in full float32."""
    if "device" in table:
        return
    found: Row = dict(machine())
    xp: Any = np
    size = 1 << 12 if plan.toy else 1 << 29
    if plan.gpu:
        import cupy

        xp = cupy
        found |= asdict(find_device())
        fields = "name,clocks.sm,clocks.mem,clocks.max.sm,driver_version"
        asked = subprocess.run(
            ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"], capture_output=True, text=True
        )
        found["nvidia_smi"] = asked.stdout.strip()

    def seconds(work: Callable[[], Any]) -> float:
        times = []
        for _ in range(7):
            if plan.gpu:
                xp.cuda.Device().synchronize()
            begin = time.perf_counter()
            work()
            if plan.gpu:
                xp.cuda.Device().synchronize()
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    x, y = xp.ones(size, xp.float32), xp.empty(size, xp.float32)
    found["copy_bytes_per_second"] = 2 * x.nbytes / seconds(lambda: xp.copyto(y, x))
    side = 64 if plan.toy else 8192
    A = xp.asarray(np.random.default_rng(0).normal(size=(side, side)).astype(np.float32))
    found["multiply_adds_per_second"] = side**3 / seconds(lambda: A @ A)
    table.add("device", **found)


# --- tests ----------------------------------------------------------------------------------------------------------


def _pytest(table: Table, key: str, *arguments: str) -> None:
    if key in table:
        return
    begin = time.perf_counter()
    # Plugins that happen to be installed have no say, nor what they warn of.
    command = [sys.executable, "-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider", "--durations=5"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run([*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    tail = (ran.stdout + ran.stderr).strip().splitlines()
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (passed|failed|skipped|error)", tail[-1])}
    _write(table.path.with_name(f"{key}.log"), "\n".join(tail) + "\n")
    table.add(key, status=ran.returncode, seconds=time.perf_counter() - begin, **counts, summary=tail[-1])


def kernels(plan: Plan, table: Table) -> None:
    """The kernels against the definition."""
    _pytest(table, "kernels", *(["-m", "gpu"] if plan.gpu else ["-k", "slabs"]), "tests/test_kernels.py")


def arrays(plan: Plan, table: Table) -> None:
    """The package over CuPy's arrays."""
    if plan.gpu:
        _pytest(table, "arrays", "-m", "gpu", "--deselect", "tests/test_kernels.py", "tests")
    else:
        _pytest(table, "arrays", "-k", "read-only", "tests/test_criterion.py")


# --- times ----------------------------------------------------------------------------------------------------------


def step(plan: Plan, table: Table) -> None:
    """Ours first, at every size and float type; then the peers, which compile."""
    sizes = (20, 40) if plan.toy else (1_000, 10_000, 100_000, 1_000_000, 100)
    options: dict[str, Any] = {"repetitions": 5}
    if plan.toy:
        options = {"n": plan.features, "repetitions": 2, "seconds": 0.002}
    if not plan.gpu:
        options["make_run"] = NumpyRun
    tasks: list[tuple[int, str, str]] = [(T, "float32", "") for T in sizes]
    tasks += [(T, "float32", peer) for T in (10_000, 1_000, 100_000) for peer in ([] if plan.toy else PEERS)]
    tasks += [(T, "float64", "") for T in sorted(sizes)]
    for T, dtype, peer in tasks:
        key = f"T={T} {dtype} {peer}".strip()
        if key not in table:
            found = compare(T, dtype, peers=[peer] if peer else [], **options)
            table.add(key, T=T, dtype=dtype, rows=found, best={row["variant"]: row["ms"] for row in found})


def _ours_on_gpu(W: Array, b: Array) -> Any:
    backend, rule = cuda(), AdamW(1e-3)
    models = backend.xp.asarray(np.concatenate([W, b[:, None]], axis=1))
    means, squares = backend.xp.zeros_like(models), backend.xp.zeros_like(models)
    n, held = W.shape[2], {"t": 0}

    def run(steps: int) -> None:
        constants = []
        for t in range(held["t"] + 1, held["t"] + steps + 1):
            root = ((1 - rule.beta2**t) / (1 - rule.beta2)) ** 0.5
            rate = rule.learning_rate * (1 - rule.beta1) / (1 - rule.beta1**t) * root
            constants.append((rate, rule.epsilon * root * n / 2))
        adam_steps(models, means, squares, constants, backend, keep=1.0, beta1=rule.beta1, beta2=rule.beta2)
        held["t"] += steps
        backend.xp.cuda.Device().synchronize()

    return run, lambda: (models.get()[:, :-1], models.get()[:, -1])


def models(plan: Plan, table: Table) -> None:
    """Million model-steps per second; every form agrees with the float64 definition after 20 steps, or is left out."""
    from many_models import jax_form, ours, reference, torch_form

    # (n, B, with peers): PyTorch compiles anew for every shape, which takes longer than all the times.
    tasks = [(5, 40, False)] if plan.toy else [
        *((n, B, False) for B in (10_000, 1_000, 100_000) for n in (8, 5, 16, 32)),
        *((n, 10_000, True) for n in (8, 32, 5, 16)),
    ]  # fmt: skip
    for n, B, peers in tasks:
        key = f"n={n} B={B}{' peers' if peers else ''}"
        if key in table:
            continue
        W, b = initial_models(AxialTraining(Axial(n)), 0, 0, B)
        makers: dict[str, Callable[[], Any]] = {}
        if plan.gpu:
            makers["ours"] = partial(_ours_on_gpu, W, b)
        if not peers and B <= 10_000:
            makers["ours, NumPy, one thread"] = partial(ours, W, b)
        if peers:
            import jax
            import torch

            jax.config.update("jax_default_matmul_precision", "highest")
            torch._dynamo.reset()  # every shape is compiled for itself
            makers["jax by hand"] = partial(jax_form, W, b, True)
            makers["jax jit(vmap(grad))"] = partial(jax_form, W, b, False)
            makers["torch bmm eager"] = partial(torch_form, W, b, False, "cuda")
            makers["torch compiled"] = partial(torch_form, W, b, True, "cuda")
        exact = reference(W[:50], b[:50], 20)
        forms, counts, off = {}, {}, {}
        for name, make in makers.items():
            run, now = make()
            run(20)
            off[name] = max(float(np.abs(x[:50] - y).max()) for x, y in zip(now(), exact, strict=True))
            if not off[name] < 1e-4:
                continue
            run(20)
            begin = time.perf_counter()
            run(20)
            counts[name] = max(5, min(5_000, round(20 * 0.1 / (time.perf_counter() - begin))))
            run(counts[name])
            forms[name] = run
        speeds: dict[str, list[float]] = {name: [] for name in forms}
        for _ in range(5):
            for name, run in forms.items():
                begin = time.perf_counter()
                run(counts[name])
                speeds[name].append(counts[name] * B / (time.perf_counter() - begin) / 1e6)
        median = {name: statistics.median(values) for name, values in speeds.items()}
        fastest = {name: max(values) for name, values in speeds.items()}
        table.add(key, n=n, B=B, median=median, fastest=fastest, off=off)


# --- the arc --------------------------------------------------------------------------------------------------------


def summary(plan: Plan, configuration: Configuration, end: Array, tests: int) -> Row:
    """What costs next to nothing to know: test costs (on the GPU where there is one), norms, the longest features."""
    xp: Any = np
    if plan.gpu:
        import cupy

        xp = cupy
    n, m = configuration.n, configuration.m
    W, b = end[: m * n].reshape(m, n).astype(np.float64), end[m * n :].astype(np.float64)
    test = configuration.test_examples(tests)
    assert test is not None
    there, bias, costs = xp.asarray(W), xp.asarray(b), []
    for begin in range(0, test.T, 500):
        X = xp.asarray(test.take(np.arange(begin, min(begin + 500, test.T))).to_dense().astype(np.float64))
        found = xp.sum((X - xp.maximum(X @ there.T @ there + bias, 0)) ** 2, axis=1)
        costs.append(np.asarray(found.get() if plan.gpu else found))
    cost = np.concatenate(costs)
    lengths = np.sort(np.linalg.norm(W, axis=0))[::-1]
    return {
        "test_loss": float(cost.mean()), "test_median": float(np.median(cost)),
        "test_share_above_2": float(np.mean(cost > 2)), "test_largest": float(cost.max()),
        "norm_weights": float(np.linalg.norm(W)), "norm_biases": float(np.linalg.norm(b)),
        "longest": [round(float(length), 4) for length in lengths[:8]],
    }  # fmt: skip


def run_whole(
    plan: Plan,
    configuration: Configuration,
    optimiser: AdamW,
    start: Array,
    state_file: Path | None = None,
    snapshots: Sequence[int] = (),
    resume_at: int | None = None,
) -> tuple[Array, Array, dict[str, Array]]:
    """The parameters at the end, the losses before every step, and the parameters at some steps.

    With a file the run is kept there every 2,500 steps, and goes on from there. At `resume_at` it is taken up from
    that file by a second run, as it would be after having been cut off.
    """
    examples = configuration.examples()
    assert isinstance(examples, SparseExamples)
    rates = configuration.learning_rates()
    run, losses, kept = plan.run(examples, start, optimiser), np.empty(0), {}
    kind = f"gpu run {configuration.T} {configuration.data_seed} {configuration.seed} {examples.digest()[:16]}"

    def take_up() -> tuple[Any, Array, dict[str, Array]]:
        stored, _ = load_arrays(state_file, kind=kind)  # type: ignore[arg-type]
        taken = plan.run(examples, stored["parameters"], optimiser, check=False)
        taken.restore({name: stored[name] for name in ("mean", "square", "steps")})
        snaps = {name: array for name, array in stored.items() if name.startswith("parameters ")}
        return taken, stored["losses"], snaps

    if state_file is not None and state_file.exists():
        run, losses, kept = take_up()
    piece = max(1, min(2_500, configuration.steps // 4))
    stops = {*range(piece, configuration.steps, piece), *snapshots, configuration.steps}
    for stop in sorted(stop for stop in stops if stop > run.steps):
        losses = np.concatenate([losses, run.advance([rates(k) for k in range(run.steps, stop)])])
        if not np.isfinite(losses[-1]):
            break
        if stop in snapshots:
            kept[f"parameters {stop}"] = run.parameters
        if state_file is not None and stop < configuration.steps:
            arrays = {"parameters": run.parameters, "losses": losses, **run.state(), **kept}
            save_arrays(state_file, arrays, {"kind": kind})
            if resume_at is not None and stop >= resume_at > stop - piece:
                run, losses, kept = take_up()
    end = run.parameters
    if state_file is not None:
        state_file.unlink(missing_ok=True)
    return end, losses, kept


def flat_start(configuration: Configuration) -> Array:
    return np.concatenate([part.ravel() for part in configuration.initial_model()])


def arc_runs(toy: bool) -> Iterator[tuple[int, int, bool]]:
    """(T, which initialisation, whether the run is resumed once as a test), the most wanted first."""
    if toy:
        yield from ((30, 0, True), (50, 0, False))
        return
    yield 20_000, 0, True
    large = (50_000, 100_000, 200_000)
    turning = (10_000, 12_000, 14_000, 16_000, 5_000, 2_000, 1_000)
    small = (500, 200, 100, 50, 30, 15, 10, 8, 6, 5, 3)
    for T in (*large, *turning):
        yield T, 0, False
    yield 1_000_000, 0, False
    for T in (20_000, *turning, *small):
        yield T, 1, False
    for T in (*small, 500_000):
        yield T, 0, False
    for T in large:
        yield T, 1, False


def arc(plan: Plan, table: Table) -> None:
    """The paper's run at every T: its schedule, its decay, from Xavier starts; the metrics and the models."""
    folder = table.path.parent / "models"
    folder.mkdir(exist_ok=True)
    data_seed, seeds = independent_seeds(0, 1)[0], independent_seeds(0, 2)
    for T, index, resumed in arc_runs(plan.toy):
        key = f"T={T} seed={index}"
        if key in table or (plan.sizes and T not in plan.sizes):
            continue
        configuration = plan.configuration(T, data_seed, seeds[index])
        begin = time.perf_counter()
        snapshots = [plan.steps // 20, plan.steps // 5] if index == 0 and T >= 1_000 else []
        start = flat_start(configuration)
        state = folder / f"T{T}-seed{index}.state.npz"
        halfway = plan.steps // 2 if resumed else None
        end, losses, kept = run_whole(plan, configuration, PAPER, start, state, snapshots, halfway)
        seconds = time.perf_counter() - begin
        extra: Row = {}
        if resumed:
            again, other, _ = run_whole(plan, configuration, PAPER, start, None, snapshots)
            extra["resumed_is_uninterrupted"] = bool(np.array_equal(again, end) and np.array_equal(other, losses))
        thin = np.unique(np.geomspace(1, len(losses), 400).astype(int)) - 1
        arrays = {"parameters": end, "losses": losses[thin], "loss_steps": thin, **kept}
        facts = {"kind": "gpu run", "configuration": configuration.as_dict(), "seconds": seconds}
        save_arrays(folder / f"T{T}-seed{index}.npz", arrays, facts)
        data = configuration.examples()
        assert isinstance(data, SparseExamples)
        values = summary(plan, configuration, end, 50 if plan.toy else 2_000)
        table.add(
            key, T=T, index=index, run_seconds=seconds, seconds=time.perf_counter() - begin, data=data.digest(),
            last_loss=float(losses[-1]), **extra, **values,
        )  # fmt: skip


def metrics(plan: Plan, table: Table) -> None:
    """The metrics of `relugeom train` for every model of the arc, on the processor."""
    for path in sorted((table.path.parent / "models").glob("*.npz")):
        if ".state" in path.name or path.stem in table:
            continue
        stored, facts = load_arrays(path, kind="gpu run")
        configuration = Configuration.from_dict(facts["configuration"])
        examples, test = configuration.examples(), configuration.test_examples(50 if plan.toy else 2_000)
        assert isinstance(examples, SparseExamples)
        end, (m, n) = stored["parameters"], (configuration.m, configuration.n)
        found = measure(examples, Parameters(end[: m * n].reshape(m, n), end[m * n :]), test=test)
        table.add(path.stem, T=configuration.T, data=examples.digest(), **asdict(found))


def processor(plan: Plan, table: Table) -> None:
    """The arc's runs, on the GPU and with NumPy, at every five hundredth step."""
    sizes = (30,) if plan.toy else (10_000, 20_000)
    T = sizes[plan.part[0] % len(sizes)]
    configuration = plan.configuration(T, independent_seeds(0, 1)[0], independent_seeds(0, 2)[0])
    examples, start, rates = configuration.examples(), flat_start(configuration), configuration.learning_rates()
    assert isinstance(examples, SparseExamples)
    runs = {"ours": plan.run(examples, start, PAPER), PROCESSOR: NumpyRun(examples, start)}
    piece = max(1, plan.steps // 100)
    for stop in range(piece, (4 * piece if plan.toy else plan.steps) + 1, piece):
        found: Row = {}
        for name, run in runs.items():
            loss = float(run.advance([rates(k) for k in range(stop - piece, stop)])[-1])
            found[name] = {"last_loss": loss, **summary(plan, configuration, run.parameters, 50 if plan.toy else 2_000)}
        table.add(f"T={T} step={stop}", T=T, step=stop, **found)


# --- what the paper leaves open -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variation:
    """A reading of the recipe: Adam's constants, how the bias and W start, which initialisation."""

    epsilon: float = 1e-8
    weight_decay: float = 1e-2
    bias: str = "0"
    scale: float = 1.0
    normal: bool = False
    index: int = 0
    rate: float = 1e-3
    warmup: bool = True

    def start(self, configuration: Configuration) -> Array:
        flat = flat_start(configuration)
        n, m = configuration.n, configuration.m
        rng = np.random.default_rng(np.random.SeedSequence(configuration.seed, spawn_key=(3,)))
        if self.normal:
            flat[: m * n] = rng.normal(scale=(2 / (n + m)) ** 0.5, size=m * n)
        flat[: m * n] *= self.scale
        if self.bias.startswith("uniform"):
            bound = {"uniform 1/sqrt n": n**-0.5, "uniform 1/sqrt m": m**-0.5}[self.bias]
            flat[m * n :] = rng.uniform(-bound, bound, n)
        elif self.bias == "normal":
            flat[m * n :] = rng.normal(size=n)
        else:
            flat[m * n :] = float(self.bias)
        return flat


def variations_of(n: int) -> dict[str, Variation]:
    """By name. A loss averaged over the n features is Adam with ε n; decay per step and not per rate is λ / rate."""
    return {
        "as it is": Variation(),
        f"loss averaged over features (epsilon {1e-8 * n:.0e})": Variation(epsilon=1e-8 * n),
        "epsilon 1e-6": Variation(epsilon=1e-6),
        "epsilon 1e-5": Variation(epsilon=1e-5),
        "epsilon 1e-3": Variation(epsilon=1e-3),
        "epsilon 1e-15": Variation(epsilon=1e-15),
        "decay 0.01 per step at the peak": Variation(weight_decay=10.0),
        "decay 0.1": Variation(weight_decay=0.1),
        "decay 1": Variation(weight_decay=1.0),
        "no decay": Variation(weight_decay=0.0),
        "bias uniform 1/sqrt n": Variation(bias="uniform 1/sqrt n"),
        "bias uniform 1/sqrt m": Variation(bias="uniform 1/sqrt m"),
        "bias normal": Variation(bias="normal"),
        "bias -1": Variation(bias="-1"),
        "bias 0.1": Variation(bias="0.1"),
        "Xavier normal": Variation(normal=True),
        "Xavier / 100": Variation(scale=0.01),
        "Xavier * 30": Variation(scale=30.0),
        "no warm-up": Variation(warmup=False),
        "rate 1e-4": Variation(rate=1e-4),
        "rate 1e-2": Variation(rate=1e-2),
        "second start": Variation(index=1),
        "third start": Variation(index=2),
        "fourth start": Variation(index=3),
    }


def variations(plan: Plan, table: Table) -> None:
    """Training and test loss of every reading of the recipe; ten active features per example whatever n is."""
    seeds, data_seed = independent_seeds(0, 4), independent_seeds(0, 1)[0]
    sizes = plan.sizes or ((20,) if plan.toy else (2_000, 10_000, 500))
    names = [entry for entry in variations_of(plan.features).items() if entry[0].startswith(plan.only)]
    tasks = [(T, entry) for entry in (names[:2] if plan.toy else names) for T in sizes]
    for T, (name, variation) in tasks[plan.part[0] :: plan.part[1]]:
        key = f"n={plan.features} T={T} {name}"
        if key in table:
            continue
        begin = time.perf_counter()
        optimiser = AdamW(variation.rate, epsilon=variation.epsilon, weight_decay=variation.weight_decay)
        configuration = replace(
            plan.configuration(T, data_seed, seeds[variation.index]), optimiser=optimiser,
            warmup=plan.steps // 20 if variation.warmup else 0,
        )  # fmt: skip
        end, losses, _ = run_whole(plan, configuration, optimiser, variation.start(configuration))
        if not np.isfinite(losses[-1]):
            table.add(key, T=T, name=name, seconds=time.perf_counter() - begin, diverged=len(losses))
            continue
        values = summary(plan, configuration, end, 50 if plan.toy else 2_000)
        table.add(key, T=T, name=name, seconds=time.perf_counter() - begin, loss=float(losses[-1]), **values)


# --- all stages -------------------------------------------------------------------------------------------------------

STAGES: dict[str, tuple[Callable[[Plan, Table], None], float]] = {
    "device": (device, 30),
    "kernels": (kernels, 60),
    "step": (step, 110),
    "models": (models, 80),
    "arc": (arc, 500),
    "metrics": (metrics, 3_600),
    "processor": (processor, 400),
    "variations": (variations, 400),
    "arrays": (arrays, 90),
}
"""Stages with the most seconds that each may take."""
DEFAULT = [name for name in STAGES if name not in ("metrics", "processor")]


def run_stages(folder: Path, stages: Sequence[str], seconds: float, options: Sequence[str]) -> bool:
    """Every stage in a process of its own; whether all of them ended well."""
    folder.mkdir(parents=True, exist_ok=True)
    end, well = time.monotonic() + seconds, True
    for name in stages:
        begin = time.monotonic()
        limit = min(STAGES[name][1], end - begin)
        if limit <= 0:
            print(f"{name}: no time left", flush=True)
            well = False
            continue
        command = [sys.executable, __file__, str(folder), "--one", name, *options]
        with (folder / f"{name}.err").open("w", encoding="utf-8") as errors:
            status: int | str
            # A group of its own, so that what a stage has started ends with it.
            with subprocess.Popen(command, stderr=errors, process_group=0) as process:
                try:
                    status = process.wait(limit)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    status = "stopped at its limit"
        if status:
            well = False
            print((folder / f"{name}.err").read_text(encoding="utf-8")[-1_500:], flush=True)
        print(f"{name}: {status or 'done'}, {time.monotonic() - begin:.1f} s", flush=True)
    return well


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=DEFAULT)
    parser.add_argument("--seconds", type=float, default=500.0, help="for all stages together (500)")
    parser.add_argument("--numpy", action="store_true", help="without a GPU")
    parser.add_argument("--features", type=int, default=10_000, metavar="N", help="of arc and variations (10000)")
    parser.add_argument("--toy", action="store_true", help="as small as can be, with NumPy")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="of the variations, or of the processor's runs")
    parser.add_argument("--sizes", type=int, nargs="+", default=[], metavar="T", help="of the arc and the variations")
    parser.add_argument("--only", default="", metavar="NAME", help="variations whose name begins so")
    parser.add_argument("--one", choices=list(STAGES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    part = tuple(int(number) for number in given.part.split("/"))
    plan = Plan(
        not (given.numpy or given.toy), 60 if given.toy else given.features, given.toy, (part[0] - 1, part[1]),
        tuple(given.sizes), given.only,
    )  # fmt: skip
    if given.one:
        STAGES[given.one][0](plan, Table(given.folder / f"{given.one}.json"))
        return 0
    options = (
        ["--features", str(given.features), "--part", given.part] + ["--numpy"] * given.numpy + ["--toy"] * given.toy
    )
    return 0 if run_stages(given.folder, given.stages, given.seconds, options) else 1


if __name__ == "__main__":
    sys.exit(main())
