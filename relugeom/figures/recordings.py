"""Small trained models that the figures draw, and how they were trained, so that anyone can train them again.

Training is gradient descent with momentum on the whole data set (Polyak's heavy ball),

    v ← μ v − η ∇L(W, b),      (W, b) ← (W, b) + v,

from normally distributed weights and b = 0. The results are kept in ``recordings.json`` beside this file; ``python -m
relugeom.figures.recordings`` writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import Axial
from relugeom.autoencoder.model import Parameters, gradient, loss
from relugeom.writing import write_atomically

__all__ = [
    "FAILURES",
    "FILM",
    "FILM_STEPS",
    "Frame",
    "LatentVectors",
    "Recording",
    "failure",
    "film",
    "frames_of",
    "latent_vectors",
    "record",
    "sparse_examples",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """How a recorded model is trained: everything that fixes the result.

    Attributes
    ----------
    n : int
        Features; the latent space is the plane.
    seed : int
    init_scale : float
        The standard deviation of the initial weights.
    learning_rate, momentum : float
        η and μ.
    steps : int
    """

    n: int
    seed: int
    init_scale: float
    learning_rate: float
    momentum: float
    steps: int

    def start(self) -> Parameters:
        """The initial weights."""
        rng = np.random.default_rng(self.seed)
        return Parameters(self.init_scale * rng.standard_normal((2, self.n)), np.zeros(self.n))


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A moment of a training: the step, the parameters there and the loss, the mean over examples."""

    step: int
    model: Parameters
    loss: float


def frames_of(recording: Recording, data: Any, keep: Iterable[int] = ()) -> Iterator[Frame]:
    """The frames after the steps in `keep` (0 is the start), and after the last step.

    Parameters
    ----------
    recording : Recording
    data : ndarray, shape (T, n), or DataSet
    """
    wanted = {*keep, recording.steps}
    W = recording.start().W
    b, V, c = np.zeros(recording.n), np.zeros_like(W), np.zeros(recording.n)
    for step in range(recording.steps + 1):
        if step:
            slope = gradient(Parameters(W, b), data)
            V = recording.momentum * V - recording.learning_rate * slope.W
            c = recording.momentum * c - recording.learning_rate * np.asarray(slope.b)
            W, b = W + V, b + c
        if step in wanted:
            yield Frame(step, Parameters(W, b), float(loss(Parameters(W, b), data)))


def sparse_examples(T: int, n: int, active: float, seed: int) -> Floats:
    """T examples with entries U(0, 1] kept with probability active/n, each rescaled to norm 1; none is 0.

    The data of Henighan et al. (2023), smaller.

    Returns
    -------
    ndarray, shape (T, n)
    """
    rng = np.random.default_rng(seed)
    rows: list[Floats] = []
    while len(rows) < T:
        row = (1 - rng.random(n)) * (rng.random(n) < active / n)
        if row.any():
            rows.append(row / np.linalg.norm(row))
    return np.array(rows)


# Two solutions of the post's kind: for n = 8 one with five axes lost, for n = 7 one that gives back every axis with
# features of unequal length.
FAILURES = {7: Recording(7, 0, 0.3, 0.1, 0.9, 8000), 8: Recording(8, 0, 0.7, 0.1, 0.9, 8000)}

FILM = FAILURES[7]
FILM_STEPS = sorted({0, *(round(10 ** (k / 20)) for k in range(75))})

# Six sizes of data set, with the best of a few seeds for each, as Henighan et al. keep the best of a few runs.
_SIZES = (3, 5, 8, 20, 100, 2000)
_SEEDS = 3
_FEATURES, _ACTIVE, _SHOWN = 60, 1.5, 300


def _recording_of(T: int, seed: int) -> Recording:
    return Recording(_FEATURES, seed, 0.05, 0.1 * min(T, 5), 0.9, 3000)


@dataclass(frozen=True, slots=True, eq=False)
class LatentVectors:
    """What a model trained on T sparse examples made of them.

    Attributes
    ----------
    T : int
    examples : ndarray, shape (t, 2)
        Latent vectors of the first examples, at most 300.
    features : ndarray, shape (60, 2)
        The columns of W.
    loss : float
    """

    T: int
    examples: Floats
    features: Floats
    loss: float


_FILE = Path(__file__).with_name("recordings.json")


@cache
def _recordings() -> Any:
    return json.loads(_FILE.read_text(encoding="utf-8"))


def _frame(data: Any) -> Frame:
    return Frame(data["step"], Parameters(np.array(data["W"]), np.array(data["b"])), data["loss"])


def failure(n: int) -> Parameters:
    """The recorded solution for n = 7 or n = 8, at full precision."""
    return _frame(_recordings()["failures"][str(n)]).model


def film() -> list[Frame]:
    """The recorded frames of `FILM`, after the steps `FILM_STEPS` and at the end."""
    return [_frame(frame) for frame in _recordings()["film"]]


def latent_vectors() -> list[LatentVectors]:
    """The recorded models of sparse examples, by the size of their data set."""
    return [
        LatentVectors(row["T"], np.array(row["examples"]), np.array(row["features"]), row["loss"])
        for row in _recordings()["latent_vectors"]
    ]


def record() -> dict[str, Any]:
    """Train everything again, as plain JSON values. Takes a minute."""

    def plain(frame: Frame) -> dict[str, Any]:
        return {
            "step": frame.step,
            "W": frame.model.W.tolist(),
            "b": np.asarray(frame.model.b).tolist(),
            "loss": frame.loss,
        }

    def of_size(T: int) -> dict[str, Any]:
        X = sparse_examples(T, _FEATURES, _ACTIVE, seed=1)
        runs = [[*frames_of(_recording_of(T, seed), X)][-1] for seed in range(_SEEDS)]
        best = min(runs, key=lambda frame: frame.loss)
        examples = X[:_SHOWN] @ best.model.W.T
        return {
            "T": T,
            "examples": examples.round(4).tolist(),
            "features": best.model.W.T.round(4).tolist(),
            "loss": best.loss,
        }

    return {
        "failures": {str(n): plain([*frames_of(how, Axial(n))][-1]) for n, how in FAILURES.items()},
        "film": [plain(frame) for frame in frames_of(FILM, Axial(FILM.n), FILM_STEPS)],
        "latent_vectors": [of_size(T) for T in _SIZES],
    }


if __name__ == "__main__":
    write_atomically(_FILE, (json.dumps(record(), separators=(",", ":")) + "\n").encode())
