"""The page, put together from its parts: arithmetic, behaviour, style, and models to start from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import cos, pi, sin, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from relugeom.arrays import to_numpy
from relugeom.autoencoder import (
    Parameters,
    antipodal_pairs,
    pentagon_measure,
    polygon,
    sensitive_polygon,
    symmetric_failure,
    zero_loss_polygon,
)
from relugeom.autoencoder.files import ModelFile
from relugeom.autoencoder.files.naming import check_size
from relugeom.errors import ArgumentError
from relugeom.exact.certificates import CriticalPoint
from relugeom.figures.recordings import failure
from relugeom.figures.style import DARK, LIGHT
from relugeom.html import css_variables, script_json
from relugeom.landscape.certifying import stored_certificates
from relugeom.storage import read_printed

__all__ = ["Offer", "explorer_page", "presets", "read_atlas"]

MOST_FEATURES = 40
_GRID = (0.25, 0.5, 0.75, 1.0)


class Offer(NamedTuple):
    """A model to start from.

    Attributes
    ----------
    file : ModelFile
    data : {"identity", "uniform", "grid"} or None
        The data that the page goes to with it: X = I; a·e_i with a uniform on (0, 1], or a = 1/4, 1/2, 3/4, 1. None:
        those that it is at.
    """

    file: ModelFile
    data: str | None = None


def presets() -> list[tuple[str, list[Offer]]]:
    """The models to start from, in groups: constructions, and solutions that training found."""
    up = np.pi / 2
    constructions = [
        ModelFile(zero_loss_polygon(5, up), "5 features, zero loss"),
        *(ModelFile(zero_loss_polygon(n, up), f"{n} features, zero loss") for n in (3, 4, 6, 7, 8, 12)),
        ModelFile(sensitive_polygon(8, 1.0, up), "8 features, most sensitive bias"),
        ModelFile(Parameters(antipodal_pairs(2), np.zeros(4)), "two pairs, no bias"),
        ModelFile(Parameters(polygon(5, 1.0, up), np.zeros(5)), "regular pentagon, no bias"),
        ModelFile(
            Parameters(pentagon_measure([0, 0, 1, 2, 3, 4, 4]), np.zeros(7)), "7 features in 5 directions, no bias"
        ),
        ModelFile(symmetric_failure(7), "symmetric failure, 6 of 7"),
        ModelFile(Parameters(antipodal_pairs(3), np.zeros(6)), "m = 3: three pairs, no bias"),
        ModelFile(_antiprism(), "m = 3: square antiprism, zero loss"),
    ]
    found = [
        ModelFile(failure(8), "three of eight recovered"),
        ModelFile(failure(7), "seven of unequal length, zero loss"),
    ]
    return [
        ("Constructions", [Offer(file, "identity") for file in constructions]),
        ("Found by gradient descent", [Offer(file, "identity") for file in found]),
        ("Certified points of the atlas, on their data", _certified_points()),
    ]


def _antiprism() -> Parameters:
    """Eight features in space: two squares at heights ±h, one turned by 45°, all neighbours equally far.

    Unit vectors: the cosine within a square is h², between the squares (1 − h²)/√2 − h². They are equal for
    h² = 1/(1 + 2√2), and zero loss asks for r²(1 − h²) ≥ 1 and b = 1 − r².
    """
    square = 1 / (1 + 2 * sqrt(2))
    ring, height, r = sqrt(1 - square), sqrt(square), sqrt(1 / (1 - square))
    angles = [pi / 4 * k for k in range(8)]
    W = r * np.array(
        [[ring * cos(t) for t in angles], [ring * sin(t) for t in angles], [height * (-1) ** k for k in range(8)]]
    )
    return Parameters(W, np.full(8, 1 - r**2))


def _certified_points() -> list[Offer]:
    """The critical points of the plane that come with the package, by what is known of them, each on its data."""
    offers = []
    for name, point in stored_certificates().items():
        if not isinstance(point, CriticalPoint) or len(point.encoder) != 2 or len(point.bias) > MOST_FEATURES:
            continue
        if point.amplitudes is not None and (point.weights is not None or tuple(map(float, point.amplitudes)) != _GRID):
            continue  # on data that the page does not have
        model = Parameters(np.array(point.encoder, dtype=float), np.array(point.bias, dtype=float))
        file = ModelFile(model, name.removesuffix(".json").replace("-", " "))
        offers.append(Offer(file, "uniform" if point.amplitudes is None else "grid"))
    return offers


def read_atlas(path: str | Path) -> list[ModelFile]:
    """The models in what ``relugeom atlas --json`` printed, as far as the page can show them.

    Raises
    ------
    StorageError
        The file is not that.
    OSError
        It cannot be read.
    """
    models = read_printed(path, "atlas", _atlas_models)
    return [file for file in models if is_shown(file.model)]


def _atlas_models(data: Any, _: str) -> list[ModelFile]:
    entries = [(n, entry) for n, group in data.items() for entry in group if entry["W"] is not None]
    json.dumps(entries, ensure_ascii=False).encode()  # text throughout
    return [_entry_model(n, entry) for n, entry in entries]


def _entry_model(n: str, entry: dict[str, Any]) -> ModelFile:
    """The model of one entry, of finite numbers in fitting shapes."""
    W = np.array(entry["W"], dtype=float)
    b = np.array(entry["b"], dtype=float) if entry["b"] else np.zeros(W.shape[-1:])
    if W.ndim != 2 or b.shape != W.shape[1:] or not (np.isfinite(W).all() and np.isfinite(b).all()):
        raise ValueError("W must have shape (m, n) and b shape (n,), of finite numbers")
    check_size("an entry", W, b)
    return ModelFile(Parameters(W, b), f"n = {n}, {entry['count']} of {entry['seeds']} seeds: {entry['nature']}"[:200])


def explorer_page(more: Sequence[ModelFile] = ()) -> str:
    """The whole page as one text, which needs nothing beside itself.

    Parameters
    ----------
    more : sequence of ModelFile
        Further models to offer, with m = 2 or 3 and at most 40 features. The page opens on the first.

    Raises
    ------
    ArgumentError
        A model is not one for this page.
    """
    groups = presets()
    if more:
        groups = [*groups, ("Yours", [Offer(_with_name(model, k)) for k, model in enumerate(more)])]
    offered = [{"label": label, "models": [_plain(offer) for offer in offers]} for label, offers in groups]
    parts = {
        "STYLE": _part("page.css")
        .replace("@@LIGHT@@", css_variables(LIGHT.variables()))
        .replace("@@DARK@@", css_variables(DARK.variables())),
        "INDEPENDENT": _part("independent.js"),
        "ARITHMETIC": _part("arithmetic.js"),
        "TRAINING": _part("training.js"),
        "READING": _part("reading.js"),
        "PRESETS": script_json(offered),
        "PAGE": _part("page.js"),
    }
    page = _part("page.html")
    for name, text in parts.items():
        page = page.replace(f"@@{name}@@", text)
    return page


def is_shown(model: Parameters) -> bool:
    """Whether the page can show the model: one W of two or three rows, not too many features, tied."""
    shape = np.shape(model.W)
    return model.decoder is None and len(shape) == 2 and shape[0] in (2, 3) and 1 <= shape[1] <= MOST_FEATURES


def _with_name(file: ModelFile, k: int) -> ModelFile:
    return file if file.name else ModelFile(file.model, f"model {k + 1}")


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _plain(offer: Offer) -> dict[str, Any]:
    file, data = offer
    if file.model.decoder is not None:
        raise ArgumentError(f"the explorer takes tied models; {file.name or 'this one'} has a decoder of its own")
    W = np.asarray(to_numpy(file.model.W), dtype=np.float64)
    if not is_shown(Parameters(W)):
        raise ArgumentError(
            f"the explorer takes models with m = 2 or 3 and n from 1 to {MOST_FEATURES}; got W {W.shape}; "
            "`relugeom inspect FILE --html PAGE` shows any"
        )
    b = np.zeros(W.shape[1]) if file.model.b is None else np.asarray(to_numpy(file.model.b), dtype=np.float64)
    return {"name": file.name, "W": W.tolist(), "b": b.tolist(), "data": data}
