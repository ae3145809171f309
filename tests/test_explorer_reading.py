"""Files of models in the explorer: its reader takes what the package takes, and refuses the rest in one line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder.files import dumps_model, load_models
from relugeom.autoencoder.model import Parameters
from relugeom.errors import StorageError
from tests.javascript import in_node

RNG = np.random.default_rng(20)
W, B = RNG.normal(size=(2, 5)), RNG.normal(size=5)
SQUARE = RNG.normal(size=(3, 3))

READ = """
const told = async ([content, name, transpose]) => {
  try {
    const {models, notes} = await Reading.read(new Uint8Array(Buffer.from(content, "base64")), name, transpose);
    return {models, notes};
  } catch (error) { return {error: error.message, kind: error.constructor.name}; }
};
const found = [];
for (const file of data) found.push(await told(file));
return found;"""


def npz(compressed: bool = False, **arrays: Any) -> bytes:
    content = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(content, **arrays)
    return content.getvalue()


def npy(array: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, np.asarray(array))
    return content.getvalue()


def safetensors(**arrays: Any) -> bytes:
    header, body = {}, b""
    for name, array in arrays.items():
        kind = {"f8": "F64", "f4": "F32", "f2": "F16", "i4": "I32"}[array.dtype.str[1:]]
        content = array.tobytes()
        place = [len(body), len(body) + len(content)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": place}
        body += content
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def as_json(**arrays: Any) -> bytes:
    return json.dumps({name: np.asarray(array).tolist() for name, array in arrays.items()}).encode()


MANY = RNG.normal(size=(3, 5, 2))
GOOD: dict[str, bytes] = {
    "stored.npz": npz(W=W, b=B),
    "deflated.npz": npz(True, W=W, b=B, losses=np.arange(3)),
    "float32.npz": npz(W=W.astype(np.float32), b=B.astype(np.float32)),
    "float16.npz": npz(W=W.astype(np.float16), b=B.astype(np.float16)),
    "integers.npz": npz(W=np.array([[1, -1, 0], [0, 0, 1]]), b=np.zeros(3, np.uint8)),
    "large_end_first.npz": npz(W=W.astype(">f8"), b=B.astype(">f4")),
    "fortran.npz": npz(W=np.asfortranarray(W), b=B),
    "fortran_instances.npz": npz(W=np.asfortranarray(MANY), b_final=RNG.normal(size=(3, 5))),
    "turned.npz": npz(W=np.ascontiguousarray(W.T), b=B),
    "column.npz": npz(W=W, b=B[:, None]),
    "instances.npz": npz(W=MANY, b_final=RNG.normal(size=(3, 5))),
    "one_bias.npz": npz(W=MANY, b_final=RNG.normal(size=5)),
    "no_bias.npz": npz(W=W),
    "no_bias.npy": npy(W),
    "layers.npz": npz(**{"linear1.weight": W, "linear2.weight": W.T, "linear2.bias": B, "linear1.bias": np.ones(2)}),
    "square_layers.npz": npz(**{"model.embedding.weight": SQUARE, "model.unembedding.bias": np.ones(3)}),
    "autoencoder.safetensors": safetensors(W_enc=np.ascontiguousarray(W.T), W_dec=W, b_dec=B),
    "half.safetensors": safetensors(w=W.astype(np.float16), b=B.astype(np.float32)),
    "ours.json": dumps_model(Parameters(W, B), "a name").encode(),
    "no_bias.json": dumps_model(Parameters(W, None)).encode(),
    "bare.json": as_json(W=W, b=B),
    "byte_order_mark.json": b"\xef\xbb\xbf" + as_json(W=W, b=B),
    "half_a_character.json": b'{"\\ud800": {"W": [[1, 2]]}, "\\ud83d\\ude00": {"W": [[3, 4]], "b": [0, 1]}}',
    "nested.json": json.dumps({"runs": [{"model": {"W": W.tolist(), "b": B.tolist()}}, {"w": W.tolist()}]}).encode(),
}
BAD: dict[str, bytes] = {
    "rows.npy": npy(W.T),
    "square.npz": npz(W=SQUARE, b=np.ones(3)),
    "square.npy": npy(SQUARE),
    "no_model.npz": npz(x=W),
    "misfit.npz": npz(W=W, b=np.ones(4)),
    "one_axis.npz": npz(W=B),
    "four_axes.npz": npz(W=np.ones((1, 1, 2, 3)), b=np.ones(3)),
    "wrong_instances.npz": npz(W=MANY, b=np.ones((4, 5))),
    "no_rows.npz": npz(W=np.ones((0, 3)), b=np.ones(3)),
    "infinite.npz": npz(W=np.array([[np.inf, 1]]), b=np.ones(2)),
    "nan.json": b'{"W": [[NaN, 1]], "b": [0, 0]}',
    "huge.json": as_json(W=1e200 * W, b=B),
    "text.npz": npz(W=np.array([["a", "b"]])),
    "complex.npz": npz(W=W + 1j, b=B),
    "booleans.npz": npz(W=W > 0, b=B),
    "format.json": b'{"format": "relugeom-model/2", "W": [[1]]}',
    "field.json": b'{"format": "relugeom-model/1", "W": [[1]], "c": 3}',
    "ragged.json": b'{"format": "relugeom-model/1", "W": [[1], [1, 2]]}',
    "texts.json": b'{"format": "relugeom-model/1", "W": [[1], ["2"]]}',
    "infinite.json": b'{"format": "relugeom-model/1", "W": [[1], [1e999]]}',
    "surrogate.json": b'{"format": "relugeom-model/1", "name": "\\ud800", "W": [[1], [1]]}',
    "unfinished.json": b"{",
    "number.json": b"7",
    "empty.json": b"",
    "latin.json": b'{"W": "\xff"}',
    "deep.json": b"[" * 200_000,
    "nested_deep.json": b"[" * 5000 + b"]" * 5000,
    "pickle.npy": b"\x80\x04\x95",
}


def both(files: dict[str, bytes], tmp_path: Path, transpose: bool | None = None) -> list[tuple[str, Any, Any]]:
    """(name, what the page reads, what the package reads or an error) for every file."""
    import base64

    asked = [[base64.b64encode(content).decode(), name.split(".")[0], transpose] for name, content in files.items()]
    theirs = in_node(READ, asked)
    ours: list[Any] = []
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        try:
            ours.append(load_models(tmp_path / name, transpose=transpose).models)
        except StorageError as error:
            ours.append(error)
    return list(zip(files, theirs, ours, strict=True))


def agree(name: str, theirs: Any, ours: Any) -> None:
    assert "models" in theirs, f"{name}: {theirs}"
    assert len(theirs["models"]) == len(ours), name
    for found, expected in zip(theirs["models"], ours, strict=True):
        matrix, bias = expected.model
        assert expected.model.decoder is None
        assert found["name"] == expected.name
        np.testing.assert_array_equal(found["W"], matrix)
        # A bias that took in another one is a sum, which BLAS may order otherwise.
        np.testing.assert_allclose(found["b"], 0 if bias is None else bias, rtol=0, atol=1e-15)


def test_the_page_reads_what_the_package_reads(tmp_path: Path) -> None:
    for name, theirs, ours in both(GOOD, tmp_path):
        agree(name, theirs, ours)


def test_the_page_refuses_what_the_package_refuses_in_one_line(tmp_path: Path) -> None:
    for name, theirs, ours in both(BAD, tmp_path):
        assert isinstance(ours, StorageError), name
        assert theirs["kind"] in ("Refusal", "Question"), name
        assert (theirs["kind"] == "Question") == ("--transpose" in str(ours)), name
        assert 0 < len(theirs["error"]) < 250, name
        assert "\n" not in theirs["error"], name


@pytest.mark.parametrize("transpose", [False, True])
def test_what_is_asked_is_settled_by_the_answer(tmp_path: Path, transpose: bool) -> None:
    asked = {name: BAD[name] for name in ("rows.npy", "square.npz", "square.npy")}
    for name, theirs, ours in both(asked, tmp_path, transpose):
        agree(name, theirs, ours)


def test_what_was_not_written_in_the_file_is_said(tmp_path: Path) -> None:
    notes = {name: theirs.get("notes", theirs) for name, theirs, _ in both(GOOD, tmp_path)}
    assert notes["stored.npz"] == notes["ours.json"] == []
    assert notes["turned.npz"] == ["W (5, 2) lies as (features, latent), by the length of b"]
    assert notes["no_bias.npy"] == ["W (2, 5), without a bias, is read as m = 2, n = 5"]
    assert notes["deflated.npz"] == ["ignored: losses"]
    assert notes["autoencoder.safetensors"][-1] == "W_dec is W_enc transposed: a tied model"
    assert notes["layers.npz"][-1].startswith("linear1.bias is taken into the bias")


def test_untied_models_are_refused(tmp_path: Path) -> None:
    ((_, theirs, ours),) = both({"untied.npz": npz(W_enc=W.T, W_dec=2 * W, b_dec=B)}, tmp_path)
    assert ours[0].model.decoder is not None
    assert theirs["error"] == "W_dec is not W_enc transposed: this page shows tied models"


def test_our_own_checkpoints_are_read(tmp_path: Path) -> None:
    from relugeom.cli import main

    path = tmp_path / "run.npz"
    arguments = ["train", "--features", "6", "--examples", "6", "--steps", "3", "--warmup", "1", "--output", str(path)]
    assert main(arguments) == 0
    ((name, theirs, ours),) = both({"run.npz": path.read_bytes()}, tmp_path)
    agree(name, theirs, ours)


def test_states_travel_both_ways_to_the_last_bit(tmp_path: Path) -> None:
    models = [Parameters(RNG.normal(size=(m, n)), RNG.normal(size=n)) for m in (2, 3) for n in (1, 2, 12, 40)]
    texts = [dumps_model(model, f"model {k} é") for k, model in enumerate(models)]
    program = """
    const found = [];
    for (const text of data) {
      found.push(R.dump((await Reading.read(new TextEncoder().encode(text), "")).models[0]));
    }
    return found;"""
    for k, (text, model) in enumerate(zip(in_node(program, texts), models, strict=True)):
        (tmp_path / "model.json").write_text(text, encoding="utf-8")
        (read,) = load_models(tmp_path / "model.json").models
        assert read.name == f"model {k} é"
        np.testing.assert_array_equal(read.model.W, model.W)
        np.testing.assert_array_equal(read.model.b, model.b)


def test_sizes_are_bounded_before_they_are_taken(tmp_path: Path) -> None:
    """A header that promises 10¹² numbers, a member that inflates to more than it says, one that says too much."""
    good = npz(True, W=np.zeros((2, 500_000)), b=np.zeros(500_000))
    at = good.index(b"PK\1\2")
    small, large = bytearray(good), bytearray(good)
    small[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    large[at + 24 : at + 28] = (4_000_000_000).to_bytes(4, "little")
    promise = npy(np.zeros((2, 2))).replace(b"(2, 2), }      ", b"(2, 500000000000), }"[:15])
    files = {
        "small.npz": bytes(small),
        "large.npz": bytes(large),
        "promise.npy": promise,
        "header.npy": b"\x93NUMPY\2\0" + (2_000_000_000).to_bytes(4, "little") + b"{",
    }
    errors = {name: theirs.get("error", "") for name, theirs, _ in both(files, tmp_path)}
    assert errors["small.npz"] == "W.npy is longer than it claims"
    assert errors["large.npz"] == "W.npy has 4000000000 bytes; at most 64000000 are read"
    assert "header" in errors["promise.npy"] or "claims" in errors["promise.npy"]
    assert errors["header.npy"] == "the array: a header of 2000000000 bytes; at most 10000 are read"


def test_a_bit_that_has_flipped_in_a_zip_is_noticed(tmp_path: Path) -> None:
    content = bytearray(GOOD["stored.npz"])
    content[content.index(W.tobytes()) + 7] ^= 1
    ((_, theirs, ours),) = both({"flipped.npz": bytes(content)}, tmp_path)
    assert isinstance(ours, StorageError)
    assert theirs["error"] == "W.npy is damaged: its checksum is another"


def test_damaged_files_are_read_rightly_or_refused_in_one_line() -> None:
    """Bytes changed, files cut short: never anything but a refusal of one line, or a model of finite numbers."""
    import base64

    rng = np.random.default_rng(8)
    files = []
    for name in (
        "stored.npz",
        "deflated.npz",
        "no_bias.npy",
        "half.safetensors",
        "bare.json",
        "nested.json",
        "ours.json",
    ):
        for _ in range(60):
            content = bytearray(GOOD[name])
            for place in rng.integers(len(content), size=rng.integers(1, 4)):
                content[place] = rng.integers(256)
            cut = len(content) if rng.random() < 0.7 else int(rng.integers(len(content)))
            files.append([base64.b64encode(bytes(content[:cut])).decode(), name, None])
    refused = 0
    for (_, name, _), found in zip(files, in_node(READ, files), strict=True):
        if "error" in found:
            refused += 1
            assert found["kind"] in ("Refusal", "Question"), (name, found)
            assert len(found["error"]) < 250, (name, found)
            assert "\n" not in found["error"], (name, found)
        else:
            assert all(np.isfinite(model["W"]).all() and np.isfinite(model["b"]).all() for model in found["models"])
    assert 100 < refused < len(files)
