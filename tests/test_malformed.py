"""Damaged files: one named error, the right exit status, bounded time and memory, no traceback, nothing overwritten."""

from __future__ import annotations

import io
import json
import pickle
import random
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder import Parameters
from relugeom.autoencoder.examples import SparseExamples, axial_examples, load_examples, save_examples
from relugeom.autoencoder.files import dumps_model, load_model
from relugeom.errors import CertificateError, RelugeomError, StorageError
from relugeom.exact import Invalid, Valid, check, dumps, load, loads
from relugeom.explorer.page import read_atlas
from relugeom.optim import AdamW
from relugeom.storage import RunDatabase, load_arrays, save_arrays
from relugeom.training.checkpoint import Checkpoint
from relugeom.training.configuration import Configuration
from relugeom.training.loop import resume, train
from tests.conftest import Tier
from tests.mutants import damage, hostile, mutate
from tests.random_certificates import random_certificate
from tests.second_checker import second_opinion
from tests.test_cli import ENVIRONMENT

SECONDS = 10.0  # for one file, on a machine that is busy with other things
BYTES = 2 * 2**30


def limited() -> None:
    """In a child, before it starts: memory beyond the limit is refused by the system."""
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def relugeom(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relugeom", *map(str, arguments)]
    environment = {**ENVIRONMENT, "OPENBLAS_NUM_THREADS": "1"}  # whose buffers would count against the limit
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=60, preexec_fn=limited, errors="replace"
    )


def timed(read: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    try:
        return read()
    finally:
        assert time.perf_counter() - start < SECONDS


def one_line(error: RelugeomError) -> None:
    assert 0 < len(str(error)) < 1000
    assert "\n" not in str(error)


# ---------------------------------------------------------------------------------------------------------
# Certificates.


def damaged_certificate(rng: random.Random) -> bytes:
    while True:
        try:
            text = dumps(random_certificate(rng))
        except CertificateError:
            continue
        break
    way = rng.randrange(3)
    return damage(text.encode(), rng) if way == 0 else (mutate if way == 1 else hostile)(text, rng).encode()


def test_damaged_certificates(tier: Tier, tmp_path: Path) -> None:
    total = tier.count(500, 10_000)
    rng = random.Random(f"damaged certificates, {tier.name}")
    path = tmp_path / "certificate.json"
    refused = invalid = true = 0
    for _ in range(total):
        path.write_bytes(damaged_certificate(rng))
        try:
            certificate = timed(lambda: load(path))
        except CertificateError as error:
            one_line(error)
            refused += 1
            continue
        if isinstance(timed(lambda: check(certificate)), Invalid):  # noqa: B023
            invalid += 1
        else:
            true += 1
            assert second_opinion(path.read_text(encoding="utf-8")) is not False, path.read_text(encoding="utf-8")
    assert refused + invalid + true == total
    assert refused > total / 2
    tier.tell(f"{total} of {total} damaged certificates: {refused} refused, {invalid} invalid, {true} still true")


def test_damaged_certificates_on_the_command_line(tier: Tier, tmp_path: Path) -> None:
    """Twenty files a call: the exit status is that of the worst of them."""
    calls = tier.count(2, 50)
    rng = random.Random(f"command line, {tier.name}")
    for call in range(calls):
        folder = tmp_path / str(call)
        folder.mkdir()
        contents = [damaged_certificate(rng) for _ in range(20)]
        for number, content in enumerate(contents):
            (folder / f"{number:02}.json").write_bytes(content)
        run = relugeom("check", folder, "--json")
        rows = json.loads(run.stdout)["certificates"]
        assert len(rows) == 20
        states = {row["status"] for row in rows}
        assert run.returncode == (2 if "unreadable" in states else 1 if "invalid" in states else 0)
        assert run.stderr == ""
        assert [path.read_bytes() for path in sorted(folder.iterdir())] == contents
    tier.tell(f"{20 * calls} of {20 * calls} damaged certificates through the command line")


@pytest.mark.parametrize(
    "content",
    [b'"' + b'\\"' * 7_000_000, b"[[],[]," * 2_000_000, b'{"":0},' * 2_000_000, b"[" * 15_000_000, b"7" * 15_000_000],
    ids=["a string without end", "lists", "objects", "brackets", "digits"],
)
def test_the_largest_files_that_are_read_take_bounded_time_and_memory(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(content)
    run = relugeom("check", path)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    assert "unreadable" in run.stdout


def test_an_endless_file_is_not_read_to_its_end() -> None:
    run = relugeom("check", "/dev/zero")
    assert run.returncode == 2
    assert "characters; at most" in run.stdout


def test_names_that_are_no_text_and_terminals_without_the_characters(tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    path.write_text("{}")
    strange = tmp_path / b"na\xffme.json".decode("utf-8", "surrogateescape")
    strange.write_text("{}")
    for encoding in ("ascii", "utf-8:strict", "latin-1"):
        run = subprocess.run(
            [sys.executable, "-m", "relugeom", "check", str(path), str(strange)],
            capture_output=True, env={**ENVIRONMENT, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        assert run.returncode == 2
        assert b"Traceback" not in run.stderr
        assert run.stdout.count(b"unreadable") == 2


# ---------------------------------------------------------------------------------------------------------
# Array files: data sets and checkpoints. Damage to the bytes must be seen; damage under a correct checksum, which only
# a program that writes such files could make, must be refused where it makes no sense.


@dataclass(frozen=True)
class Stored:
    """A kind of array file: its content, and how it is read."""

    content: bytes
    read: Callable[[Path], Any]
    same: Callable[[Any], bool]


EXAMPLES = axial_examples(5)
SMALL = Configuration(T=4, n=6, S=0.5, steps=20, warmup=2, optimiser=AdamW(1e-2, weight_decay=1e-2))


def equal_examples(found: SparseExamples) -> bool:
    return found.digest() == EXAMPLES.digest()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stored]:
    folder = tmp_path_factory.mktemp("stored")
    save_examples(folder / "examples", EXAMPLES)
    calls = iter(range(100))
    checkpoint = train(SMALL, path=folder / "checkpoint", stop=lambda: next(calls) == 10)
    assert checkpoint.status == "interrupted"

    def same(found: Checkpoint) -> bool:
        found.save(folder / "again")
        return load_everything(folder / "again") == load_everything(folder / "checkpoint")

    return {
        "examples": Stored((folder / "examples").read_bytes(), load_examples, equal_examples),
        "checkpoint": Stored((folder / "checkpoint").read_bytes(), Checkpoint.load, same),
    }


def load_everything(path: Path) -> Any:
    arrays, facts = load_arrays(path)
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}, facts


@pytest.mark.parametrize("kind", ["examples", "checkpoint"])
def test_damaged_array_files(kind: str, stored: dict[str, Stored], tier: Tier, tmp_path: Path) -> None:
    total = tier.count(300, 5_000)
    rng = random.Random(f"damaged {kind}, {tier.name}")
    path, file = tmp_path / "file", stored[kind]
    refused = 0
    for _ in range(total):
        path.write_bytes(damage(file.content, rng))
        try:
            found = timed(lambda: file.read(path))
        except StorageError as error:
            one_line(error)
            refused += 1
        else:
            assert file.same(found)
    tier.tell(f"{total} of {total} damaged {kind} files: {refused} refused, the others read as they were written")


def test_single_bits_of_checkpoints(stored: dict[str, Stored], tier: Tier, tmp_path: Path) -> None:
    total = tier.count(300, 3_000)
    rng = random.Random(f"bits, {tier.name}")
    path, file = tmp_path / "file", stored["checkpoint"]
    refused = 0
    for _ in range(total):
        content = bytearray(file.content)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        try:
            found = file.read(path)
        except StorageError:
            refused += 1
        else:
            assert file.same(found)
    tier.tell(f"{total} of {total} bit flips: {refused} refused, {total - refused} in bytes without meaning, 0 silent")


def strange_array(array: np.ndarray, rng: random.Random) -> np.ndarray:
    """Another shape, type, order or content."""
    flat = array.ravel()
    choices: list[Callable[[], np.ndarray]] = [
        lambda: flat[:-1], lambda: array[None], lambda: np.zeros(0), lambda: array.astype(np.float16),
        lambda: array.astype("S4"), lambda: array.astype(">f8"), lambda: array.astype(np.complex128), lambda: -array,
        lambda: np.concatenate([flat, flat]), lambda: array.T, lambda: np.array(3), lambda: array.astype(bool),
        lambda: np.full(array.shape, 2**31 - 1).astype(array.dtype),
    ]  # fmt: skip
    if array.dtype.kind == "f" and array.size:
        for value in (np.nan, np.inf, -np.inf, 1e38):
            choices.append(lambda value=value: np.where(np.arange(array.size) == 0, value, flat).reshape(array.shape))
    with np.errstate(all="ignore"):
        return rng.choice(choices)()


def resealed(path: Path, rng: random.Random) -> None:
    """One array or one fact replaced, under a checksum that is right."""
    arrays, facts = load_arrays(path)
    if rng.random() < 0.6:
        name = rng.choice(sorted(arrays))
        if rng.random() < 0.2:
            del arrays[name]
        else:
            arrays[name] = strange_array(arrays[name], rng)
    else:
        text = rng.choice((mutate, hostile))(json.dumps(facts), rng)
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError):
            facts = {"kind": facts["kind"]}
        if not isinstance(facts, dict):
            facts = {}
    save_arrays(path, arrays, facts)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize("kind", ["examples", "checkpoint"])
def test_nonsense_under_a_correct_checksum(kind: str, stored: dict[str, Stored], tier: Tier, tmp_path: Path) -> None:
    """Refused when it is read or when it is used; what is accepted runs to a result."""
    total = tier.count(150, 3_000)
    rng = random.Random(f"resealed {kind}, {tier.name}")
    path, file = tmp_path / "file", stored[kind]
    refused = 0
    for _ in range(total):
        path.write_bytes(file.content)
        resealed(path, rng)
        try:
            found = timed(lambda: file.read(path))
            if kind == "checkpoint" and sized(found.configuration):
                assert timed(lambda: resume(found)).status in ("finished", "diverged")  # noqa: B023
        except RelugeomError as error:
            one_line(error)
            refused += 1
    assert refused > total / 3
    tier.tell(f"{total} of {total} {kind} files of nonsense with a correct checksum: {refused} refused")


def sized(configuration: Configuration) -> bool:
    """Small enough to run here, in one process."""
    sizes = (configuration.T, configuration.n, configuration.m, configuration.steps)
    return max(sizes) < 1_000 and configuration.chosen_engine.processes == 1


def test_nonsense_through_the_command_line(stored: dict[str, Stored], tier: Tier, tmp_path: Path) -> None:
    total = tier.count(4, 60)
    rng = random.Random(f"resume, {tier.name}")
    path = tmp_path / "run.npz"
    for number in range(total):
        path.write_bytes(stored["checkpoint"].content)
        if number % 2:
            path.write_bytes(damage(stored["checkpoint"].content, rng))
        else:
            resealed(path, rng)
        before = path.read_bytes()
        run = relugeom("train", "--output", path, "--resume")
        assert run.returncode in (0, 1, 2), run.stderr
        assert "Traceback" not in run.stderr
        if run.returncode == 2:
            assert run.stderr.count("\n") == 1, run.stderr
            assert path.read_bytes() == before
    tier.tell(f"{total} of {total} damaged checkpoints through the command line")


class Trap:
    """Unpickling this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_no_pickle_is_ever_loaded(tmp_path: Path) -> None:
    sprung, path = tmp_path / "sprung", tmp_path / "file"
    objects = io.BytesIO()
    np.lib.format.write_array(objects, np.array([Trap(sprung)], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "header.json", json.dumps({"format": 1, "facts": '{"kind": "checkpoint"}', "sha256": "0" * 64})
        )
        archive.writestr("W.npy", objects.getvalue())
    whole = path.read_bytes()
    for content in (whole, pickle.dumps(Trap(sprung)), objects.getvalue()):
        path.write_bytes(content)
        for read in (load_arrays, load_examples, Checkpoint.load):
            with pytest.raises(StorageError):
                read(path)
        with pytest.raises(CertificateError):
            load(path)
    assert not sprung.exists()
    np.load(io.BytesIO(objects.getvalue()), allow_pickle=True)
    assert sprung.exists(), "the trap works"


# ---------------------------------------------------------------------------------------------------------
# Model files, and what `relugeom atlas --json` prints, for the figures and the page to play with.

MODEL = dumps_model(Parameters(np.array([[1.0, -0.5, 0.25], [0.0, 2.0, -1e-3]]), np.array([0.0, -1.0, 0.5])), "a model")
ENTRY = {"W": [[1.0, -1.0]], "b": [0.0, 0.5], "count": 3, "seeds": 10, "nature": "a minimum"}
ATLAS = json.dumps({"2": [ENTRY, ENTRY], "3": []})


@pytest.mark.parametrize(("text", "read"), [(MODEL, load_model), (ATLAS, read_atlas)], ids=["model", "atlas"])
def test_damaged_model_files(text: str, read: Callable[[Path], Any], tier: Tier, tmp_path: Path) -> None:
    total = tier.count(300, 10_000)
    rng = random.Random(f"damaged models, {tier.name}")
    path = tmp_path / "model.json"
    refused = 0
    for _ in range(total):
        way = rng.randrange(3)
        content = damage(text.encode(), rng) if way == 0 else (mutate if way == 1 else hostile)(text, rng).encode()
        path.write_bytes(content)
        try:
            found = timed(lambda: read(path))
        except StorageError as error:
            one_line(error)
            refused += 1
            continue
        for model in found if isinstance(found, list) else [found]:
            W, b = model.model
            assert W.ndim == 2
            assert np.isfinite(W).all()
            assert b is None or (b.shape == W.shape[1:] and np.isfinite(b).all())
    assert refused > total / 3
    tier.tell(f"{total} of {total} damaged files: {refused} refused, the others hold finite numbers in fitting shapes")


# ---------------------------------------------------------------------------------------------------------
# The run database.


def test_damaged_databases(tier: Tier, tmp_path: Path) -> None:
    total = tier.count(100, 2_000)
    rng = random.Random(f"databases, {tier.name}")
    path = tmp_path / "runs"
    runs = [({"seed": k, "T": 3}, {"loss": k / 7, "note": "x" * 50}) for k in range(60)]
    with RunDatabase(path) as database:
        for settings, result in runs:
            database.record(settings, result)
    whole = path.read_bytes()
    refused = 0
    for _ in range(total):
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        content = damage(whole, rng)
        path.write_bytes(content)
        try:
            with RunDatabase(path) as database:
                for settings, result in runs:
                    assert database.result(settings) in (None, result)
                for pair in database:
                    assert pair in runs
        except StorageError as error:
            one_line(error)
            refused += 1
    tier.tell(f"{total} of {total} damaged databases: {refused} refused, the others hold nothing that was not stored")


def test_valid_certificates_are_among_the_undamaged() -> None:
    """The fuzz would prove little if its seeds were all refused anyway."""
    rng = random.Random(0)
    valid = 0
    for _ in range(60):
        try:
            certificate = loads(dumps(random_certificate(rng)))
        except CertificateError:  # a change may take away what a file must have
            continue
        valid += isinstance(check(certificate), Valid)
    assert 10 < valid < 50
