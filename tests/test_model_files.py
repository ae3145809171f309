"""Files that people have: what torch, safetensors and NumPy wrote is read, and what is hostile is refused."""

from __future__ import annotations

import importlib.util
import io
import itertools
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from relugeom.autoencoder import Parameters, zero_loss_polygon
from relugeom.autoencoder.files import dumps_model, load_model, load_models
from relugeom.autoencoder.files.naming import models_from
from relugeom.autoencoder.files.pytorch import Unknown, _Machine
from relugeom.autoencoder.files.stored import StoredArray
from relugeom.cli import main
from relugeom.errors import ArgumentError, StorageError
from relugeom.storage import save_arrays
from relugeom.training.checkpoint import Checkpoint
from relugeom.training.configuration import Configuration
from relugeom.training.loop import train

FILES = Path(__file__).parent / "fixtures" / "models"
TURN = 2 * np.pi * np.arange(5) / 5
W = 1.203 * np.stack([np.cos(TURN), np.sin(TURN)])
b = np.full(5, -0.4472)


def stored(array: object) -> StoredArray:
    values = np.asarray(array, float)
    return StoredArray(values.shape, "float64", lambda: values)


def test_a_header_as_long_as_a_pickle_begins(tmp_path: Path) -> None:
    """safetensors begins with the length of its header; 128 is the byte with which a pickle begins."""
    header = {"W": {"dtype": "F64", "shape": [2, 5], "data_offsets": [0, 80]}}
    text = json.dumps(header).ljust(128).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 128) + text + W.tobytes())
    np.testing.assert_array_equal(load_model(tmp_path / "a.safetensors").model.W, W)


@pytest.mark.parametrize(
    ("name", "dtype", "tolerance"),
    [
        ("pentagon.npz", "float64", 0),
        ("pentagon-column-bias.npz", "float32", 1e-7),
        ("bare.json", "float64", 0),
        ("linears.pth", "float32", 1e-7),
        ("module.pt", "float32", 1e-7),
        ("bfloat16.pt", "bfloat16", 5e-3),
        ("half-protocol-4.pt", "float16", 1e-3),
        ("named.safetensors", "float32", 1e-7),
    ],
)
def test_one_pentagon_in_every_kind_of_file(name: str, dtype: str, tolerance: float) -> None:
    found = load_model(FILES / name)
    np.testing.assert_allclose(found.model.W, W, atol=tolerance)
    np.testing.assert_allclose(found.model.b, b, atol=tolerance)
    assert found.dtype == dtype
    assert found.model.decoder is None
    assert found.model.W.dtype == np.float64


def test_what_was_turned_and_what_was_ignored_is_said() -> None:
    notes = load_models(FILES / "named.safetensors").notes
    assert notes == ("w (5, 2) lies as (features, latent), by the length of b_final", "ignored: losses (1000,)")
    assert load_models(FILES / "linears.pth").notes == ("linear2.weight is linear1.weight transposed: a tied model",)


def test_instances() -> None:
    found = load_models(FILES / "instances.pt")
    assert [file.name for file in found.models] == ["instances [0]", "instances [1]", "instances [2]"]
    for file, scale in zip(found.models, (1, 0.5, 0.25), strict=True):
        np.testing.assert_allclose(file.model.W, scale * W, atol=1e-7)
        np.testing.assert_allclose(file.model.b, b, atol=1e-7)
    np.testing.assert_allclose(load_model(FILES / "instances.pt", instance=-1).model.W, 0.25 * W, atol=1e-7)
    with pytest.raises(StorageError, match=r"instances\.pt: holds 3 models; choose one by --instance 0 to 2"):
        load_model(FILES / "instances.pt")
    with pytest.raises(StorageError, match="holds 3 models; none is 3"):
        load_model(FILES / "instances.pt", instance=3)


def test_a_list_of_states_along_a_run() -> None:
    models = load_models(FILES / "trajectory.pt").models
    assert [file.model.W.shape for file in models] == [(2, 6)] * 3
    np.testing.assert_allclose([np.hypot(*file.model.W[:, 0]) for file in models], [0.75, 1.5, 2.25])
    np.testing.assert_allclose([file.model.b[0] for file in models], [-0.25, -0.5, -0.75])


def test_an_untied_model_with_a_bias_of_its_encoder() -> None:
    found = load_models(FILES / "checkpoint.pt")
    (file,) = found.models
    assert file.model.decoder is not None
    np.testing.assert_allclose(file.model.decoder, 2 * W.T, atol=1e-6)
    np.testing.assert_allclose(file.model.b, b + 2 * W.T @ [0.5, -0.25], atol=1e-6)
    assert "module.linear1.bias is taken into the bias" in found.notes[0]
    (coarse,) = load_models(FILES / "untied-bfloat16.safetensors").models
    np.testing.assert_allclose(coarse.model.decoder, 2 * W.T, atol=1e-2)


def test_which_axis_counts_the_features_is_asked_for() -> None:
    with pytest.raises(StorageError, match=r"W has shape \(5, 2\), and nothing tells .* give --transpose"):
        load_model(FILES / "five-by-two.npy")
    np.testing.assert_array_equal(load_model(FILES / "five-by-two.npy", transpose=True).model.W, W)
    assert load_model(FILES / "five-by-two.npy", transpose=False).model.W.shape == (5, 2)
    square = {"W": stored(np.arange(4).reshape(2, 2)), "b": stored([0, 0])}
    with pytest.raises(StorageError, match="nothing tells"):
        models_from(square, "square")
    assert models_from(square, "square", transpose=True)[0][0].model.W[0, 1] == 2
    linear = {"linear1.weight": stored(np.arange(4).reshape(2, 2)), "linear2.bias": stored([0, 0])}
    assert models_from(linear, "square")[0][0].model.W[0, 1] == 1  # (outputs, inputs), as PyTorch has it


def test_two_models_of_one_text() -> None:
    found = load_models(FILES / "two.json")
    assert [file.model.W.shape for file in found.models] == [(2, 5)] * 2
    assert found.models[1].model.b is None
    assert found.notes[1] == "W (2, 5), without a bias, is read as m = 2, n = 5"


@pytest.mark.parametrize(
    ("shape_W", "shape_b", "models"),
    [((2, 5), (1, 5), 1), ((2, 5), (5, 1), 1), ((3, 2, 5), (5,), 3), ((3, 2, 5), (3, 1, 5), 3),
     ((3, 5, 2), (3, 5, 1), 3), ((3, 5, 2), (1, 5), 3), ((1, 2, 5), (1, 5), 1)],
)  # fmt: skip
def test_shapes_of_a_bias(shape_W: tuple[int, ...], shape_b: tuple[int, ...], models: int) -> None:
    found, _ = models_from({"W": stored(np.ones(shape_W)), "b": stored(np.ones(shape_b))}, "x")
    assert len(found) == models
    assert all(file.model.W.shape == (2, 5) and file.model.b.shape == (5,) for file in found)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"W": np.ones((2, 5)), "b": np.ones(4)}, "b has 4 entries, which is the length of no axis"),
        ({"W": np.ones(5), "b": np.ones(5)}, r"W must have shape .* got \(5,\)"),
        ({"W": np.ones((2, 0)), "b": np.ones(0)}, "W must have shape"),
        ({"W": np.ones((3, 2, 5)), "b": np.ones((2, 5))}, r"b must have shape .* got \(2, 5\)"),
        ({"weights": np.ones((2, 5))}, r"no model: expected arrays W and b, or .* got weights \(2, 5\)"),
        ({"W": np.ones((2, 5)), "b": np.ones(5), "M": np.ones((4, 2))}, r"M must be a decoder .* got \(4, 2\)"),
        ({"W_enc": np.ones((5, 9)), "b_dec": np.ones(5), "b_enc": np.ones(9)}, "hidden ReLU"),
    ],
)
def test_arrays_that_do_not_fit(arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(StorageError, match=message):
        models_from({name: stored(array) for name, array in arrays.items()}, "x")


def test_folders(tmp_path: Path) -> None:
    np.save(tmp_path / "W.npy", W.T)
    np.save(tmp_path / "b.npy", b)
    np.testing.assert_array_equal(load_model(tmp_path).model.W, W)
    many = tmp_path / "many"
    many.mkdir()
    (many / "a.json").write_text(dumps_model(zero_loss_polygon(5)))
    (many / "b.json").write_text("{}")
    found = load_models(many)
    assert [file.name for file in found.models] == ["a"]
    assert found.notes[0].startswith("b.json is passed over: no model")
    np.savez(many / "a.npz", W=W, b=b)
    assert [file.name for file in load_models(many).models] == ["a.json", "a.npz"]  # told apart
    (many / "a.npz").unlink()
    (many / "a.json").unlink()
    with pytest.raises(StorageError, match="no model in 1 files"):
        load_models(many)
    (tmp_path / "none").mkdir()
    with pytest.raises(StorageError, match="a folder with 0 files"):
        load_models(tmp_path / "none")


def test_our_own_files(tmp_path: Path) -> None:
    before = FILES.parent / "version-0.1.0"
    found = load_models(before / "checkpoint-blocked.npz")
    assert found.models[0].facts["configuration"]["n"] == 40
    assert found.models[0].model.W.shape == (2, 40)
    assert load_model(before / "checkpoint-blocked-untied.npz").model.decoder.shape == (40, 3)
    assert len(load_models(before / "sweep").models) == 2
    with pytest.raises(StorageError, match="in the folder that holds it"):
        load_models(before / "sweep" / "runs.sqlite")
    save_arrays(tmp_path / "x.npz", {"W": W}, {"kind": "examples"})
    with pytest.raises(StorageError, match="holds 'examples', no model"):
        load_models(tmp_path / "x.npz")


def test_training_starts_from_every_kind(tmp_path: Path) -> None:
    def start(path: Path, **more: object) -> Parameters:
        settings = {"T": 5, "n": 5, "m": 2, "S": 0.5, "initialisation": "file", "init_path": str(path)}
        return Configuration(**(settings | more)).initial_model()

    for name in ("pentagon.npz", "bare.json", "named.safetensors", "linears.pth"):
        first = start(FILES / name)
        np.testing.assert_allclose(first.W, W, atol=1e-6)
        np.testing.assert_allclose(first.b, b, atol=1e-6)
        assert first.tied
        assert first.W.dtype == np.float32
    np.testing.assert_allclose(start(FILES / "pentagon.npz", untied=True).decoder, W.T, atol=1e-6)
    with pytest.raises(StorageError, match=r"must hold W of shape \(3, 5\); got \(2, 5\)"):
        start(FILES / "pentagon.npz", m=3)
    assert start(FILES / "checkpoint.pt").tied
    np.testing.assert_allclose(start(FILES / "instances.pt", init_instance=-3).W, W, atol=1e-6)
    with pytest.raises(StorageError, match="holds 3 models; choose one by --instance 0 to 2"):
        start(FILES / "instances.pt")
    for name, value in (("init_instance", 0), ("init_transpose", False)):
        with pytest.raises(ArgumentError, match=f"{name} is for initialisation = 'file'"):
            Configuration(T=5, n=5, **{name: value})
    np.savez(tmp_path / "x.npz", W=np.full((2, 5), np.nan), b=b)
    with pytest.raises(StorageError, match="not finite"):
        start(tmp_path / "x.npz")


def test_training_is_told_which_way_round_a_matrix_lies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.npz"
    settings = "--n 5 --sparsity 0.5 --steps 6 --warmup 2 --dtype float64 --initialisation file --init-file"
    line = ["train", "-T", "5", *settings.split(), str(FILES / "five-by-two.npy"), "-o", str(path)]
    assert main(line) == 2
    assert "give --transpose if it is the first of the two (5)" in capsys.readouterr().err
    assert main([*line, "--transpose"]) == 0
    whole = Checkpoint.load(path)
    assert whole.configuration.init_transpose is True
    np.testing.assert_allclose(whole.configuration.initial_model().W, W, atol=1e-6)
    stored = whole.configuration.as_dict()
    assert Configuration.from_dict(stored) == whole.configuration
    assert whole.configuration.key()["init_transpose"] is True
    assert "init_transpose" not in Configuration(T=5).key()  # an older run keeps its key
    with pytest.raises(ArgumentError, match="init_transpose must be one of None, False, True; got 1"):
        Configuration.from_dict({**stored, "init_transpose": 1})
    # A run that is stopped after three steps goes on from what its checkpoint holds.
    steps = itertools.count()
    half = train(whole.configuration, path=tmp_path / "half.npz", stop=lambda: next(steps) >= 3)
    assert half.step < 6
    assert main(["train", "-o", str(tmp_path / "half.npz"), "--resume"]) == 0
    assert Checkpoint.load(tmp_path / "half.npz").parameters.tobytes() == whole.parameters.tobytes()


class Trap:
    """What a pickle that runs code looks like."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


def torch_zip(path: Path, program: bytes, storages: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", program)
        for key, content in (storages or {}).items():
            archive.writestr(f"a/data/{key}", content)
    return path


def test_no_code_of_a_file_is_run(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    program = pickle.dumps({"W": Trap(trap)}, protocol=2)
    with pytest.raises(StorageError, match="no model"):
        load_models(torch_zip(tmp_path / "trap.pt", program))
    assert not trap.exists()
    pickle.loads(program)
    assert trap.exists()  # so it would have gone off
    (tmp_path / "plain.pkl").write_bytes(program)
    with pytest.raises(StorageError, match="a pickle, which is a program and is not run"):
        load_models(tmp_path / "plain.pkl")
    with pytest.raises(StorageError, match="only a pickle can"):
        load_models(FILES / "objects.npz")
    with pytest.raises(StorageError, match="a pickle, which is a program"):
        load_models(FILES / "legacy.pt")


def tensor_program(offset: int, shape: tuple[int, ...], strides: tuple[int, ...], count: int, kind: str) -> bytes:
    """{"W": a tensor}, as the instructions of protocol 0 to 2."""

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"

    storage = (
        b"(X\x07\x00\x00\x00storagectorch\n"
        + kind.encode()
        + b"\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuI%d\ntQ" % count
    )
    view = storage + b"I%d\n" % offset + numbers(shape) + numbers(strides)
    return b"}X\x01\x00\x00\x00Wctorch._utils\n_rebuild_tensor\n(" + view + b"tRs."


@pytest.mark.parametrize(
    ("arguments", "size", "message"),
    [
        ((0, (2, 5), (5, 1), 10, "FloatStorage"), 40, None),
        ((1, (2, 5), (5, 1), 10, "FloatStorage"), 40, "reaches beyond its storage of 10 numbers"),
        ((0, (2, 5), (6, 1), 10, "FloatStorage"), 40, "reaches beyond"),
        ((0, (2, 5), (-5, 1), 10, "FloatStorage"), 40, "not negative"),
        ((-1, (2, 5), (5, 1), 10, "FloatStorage"), 40, "not negative"),
        ((0, (2,) * 400_000, (0,) * 400_000, 10, "FloatStorage"), 40, "a shape of 400000 axes"),
        ((0, (2, 5), (5, 1), 10, "FloatStorage"), 36, "36 bytes for 10 of float32"),
        ((0, (2, 10**12), (0, 0), 1, "FloatStorage"), 4, "more than 100000000 numbers"),
        ((0, (2, 5), (5, 1), 10, "BoolStorage"), 10, "real numbers; got bool"),
        ((0, (2, 5), (5, 1), 10, "ComplexFloatStorage"), 80, "no model"),
    ],
)
def test_tensors_lie_inside_their_storages(tmp_path: Path, arguments: tuple, size: int, message: str | None) -> None:
    path = torch_zip(tmp_path / "a.pt", tensor_program(*arguments), {"0": b"\0" * size})
    if message is None:
        assert load_model(path).model.W.shape == (2, 5)
    else:
        with pytest.raises(StorageError, match=message):
            load_models(path)


@pytest.mark.parametrize(
    "program",
    [b"", b".", b"}", b"t.", b"0.", b"R.", b"(K\x01s.", b"h\x05.", b"\x82\x01.", b"Pabc\n.", b"]ctorch\nX\nR.",
     b"(((((((", b"X\xff\xff\xff\x7fa.", b"I" + b"9" * 5000 + b"\n.", b"b."],
)  # fmt: skip
def test_programs_that_do_not_fit_together(tmp_path: Path, program: bytes) -> None:
    with pytest.raises(StorageError) as caught:
        load_models(torch_zip(tmp_path / "a.pt", program))
    assert "\n" not in str(caught.value)


def test_parts_that_hold_themselves_or_nest_without_end(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="nested deeper"):
        load_models(torch_zip(tmp_path / "loop.pt", b"]q\x00h\x00a."))
    deep = b"]" + b"]" * 50_000 + b"a" * 50_000 + b"."
    with pytest.raises(StorageError, match="nested deeper"):
        load_models(torch_zip(tmp_path / "deep.pt", deep))
    with pytest.raises(StorageError, match="more than 2000000 instructions"):
        load_models(torch_zip(tmp_path / "long.pt", b"]" * 2_000_001 + b"."))
    doubled = b"]" + b"q\x00](h\x00h\x00e" * 25 + b"."
    with pytest.raises(StorageError, match="more than 1000000 parts"):
        load_models(torch_zip(tmp_path / "doubled.pt", doubled))
    keys = b"}(" + b")" + b"\x85" * 50_000 + b"K\x01u."
    with pytest.raises(StorageError, match="no model"):
        load_models(torch_zip(tmp_path / "keys.pt", keys))


def test_unknown_things_have_no_behaviour() -> None:
    found = _Machine(lambda *_: pytest.fail("no tensor here")).run(pickle.dumps(Path("x"), protocol=2))
    assert isinstance(found, Unknown)


def npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 1000000000000)}"), "more than 100000000 numbers"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 5)}", b"\0" * 8), "does not hold the shape"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, -5)}"), "not negative"),
        (npy("{'descr': '<c16', 'fortran_order': False, 'shape': (1, 2)}", b"\0" * 32), "real numbers; got complex128"),
        (npy("{'descr': '|V9000', 'fortran_order': False, 'shape': (1, 2)}", b"\0" * 18_000), "real numbers; got void"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "2," * 40 + ")}"), "a shape of 40 axes"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 2)}", b"\0" * 16), "only a pickle can"),
        (npy("__import__('os').abort()"), "damaged"),
        (npy("(" * 5000), "damaged"),
        (npy(" " * 20_000), "a header of 20000 bytes"),
        (b"nonsense", "damaged"),
    ],
)
def test_archives_that_lie(tmp_path: Path, member: bytes, message: str) -> None:
    with pytest.raises(StorageError, match=message):
        load_models(npz(tmp_path / "a.npz", W=member))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("W.npy", b"")
        archive.writestr("W.npy", b"")
    with pytest.raises(StorageError, match="share one name"):
        load_models(tmp_path / "a.npz")


def tensors(header: object, content: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (tensors({"W": {"dtype": "F32", "shape": [2, 5], "data_offsets": [0, 40]}}, b"\0" * 39), "does not hold"),
        (tensors({"W": {"dtype": "F32", "shape": [2, 5], "data_offsets": [0, 36]}}, b"\0" * 40), "does not hold"),
        (tensors({"W": {"dtype": "F32", "shape": [2, -5], "data_offsets": [0, 40]}}, b"\0" * 40), "not negative"),
        (tensors({"W": {"dtype": "F32", "shape": [2] * 400_000, "data_offsets": [0, 4]}}, b"\0" * 4), "400000 axes"),
        (tensors({"W": {"dtype": "F8_E4M3", "shape": [2, 5], "data_offsets": [0, 10]}}, b"\0" * 10), "type F8_E4M3"),
        (tensors({"W": {"shape": [2, 5]}}), "damaged"),
        (tensors({"W": 3}), "damaged"),
        (tensors(b"{nonsense"), "damaged"),
        (tensors({"__metadata__": {}}), "no model"),
        (struct.pack("<Q", 17_000_000) + b"{" + b" " * 17_000_000, "a header of 17000000 bytes"),
    ],
)
def test_headers_that_lie(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "a.safetensors").write_bytes(raw)
    with pytest.raises(StorageError, match=message):
        load_models(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "3", "null", "[]", '{"W": "x"}', '{"W": [[1, 2], [3]]}', '{"W": [1e999999]}', "[" * 100_000],
)
def test_texts_without_a_model(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(StorageError) as caught:
        load_models(tmp_path / "a.json")
    assert str(caught.value).startswith(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_damaged_files_never_end_in_anything_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    refused = []
    for name in ("checkpoint.pt", "pentagon.npz", "named.safetensors", "bare.json", "five-by-two.npy"):
        whole = (FILES / name).read_bytes()
        for _ in range(60):
            raw = bytearray(whole[: rng.integers(1, len(whole) + 1)] if rng.random() < 0.3 else whole)
            for place in rng.integers(0, len(raw), 4):
                raw[place] = rng.integers(0, 256)
            (tmp_path / "x").write_bytes(raw)
            try:
                load_models(tmp_path / "x", transpose=True)
            except StorageError as error:
                refused.append(str(error))
    assert len(refused) > 100
    assert not [message for message in refused if "\n" in message or len(message) > 600]


def test_a_pipe_is_read(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = subprocess.Popen(
        [sys.executable, "-c", f"open({str(fifo)!r}, 'wb').write(open({str(FILES / 'linears.pth')!r}, 'rb').read())"]
    )
    assert load_model(fifo).model.W.shape == (2, 5)
    assert writer.wait() == 0


def test_a_named_model_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text(dumps_model(Parameters(W, b), "mine"))
    assert load_model(tmp_path / "file.json").name == "mine"
    assert load_model(FILES / "bare.json").name == "bare"


@pytest.mark.long
def test_the_files_made_anew_are_read_alike(tmp_path: Path) -> None:
    for module in ("torch", "safetensors"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    subprocess.run([sys.executable, str(FILES / "make.py"), str(tmp_path)], check=True, capture_output=True)
    count = 0
    for path in sorted(tmp_path.iterdir()):
        before, after = answer(FILES / path.name), answer(path)
        assert [type(part) for part in before] == [type(part) for part in after]
        for old, new in zip(before, after, strict=True):
            np.testing.assert_array_equal(old, new)
            count += not isinstance(new, str)
    assert count >= 14
    import torch

    theirs = torch.load(io.BytesIO((FILES / "instances.pt").read_bytes()), weights_only=True)
    ours = load_model(FILES / "instances.pt", instance=0).model
    np.testing.assert_array_equal(theirs["W"][0].detach().numpy().T, ours.W)


def answer(path: Path) -> list[object]:
    """The W of every model, or the reason for which there is none."""
    try:
        return [file.model.W for file in load_models(path).models]
    except StorageError as error:
        return [str(error).partition(": ")[2]]
