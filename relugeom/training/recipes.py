"""How a model is trained, said once: the optimiser, its learning rate over the steps, the start, and what is moved.

Three uses derive from it and add their data. Each has its own defaults, and says which starts it takes.

====================================================  =============================================================
`relugeom.training.configuration.Configuration`       one model, as large as the paper's, on T examples; its seeds and
                                                      its engine belong to it
`relugeom.training.many_models.AxialTraining`         many small models, each on all of a data set on the axes
`relugeom.training.toy_models.ToyTraining`            many small models, on fresh batches of independent features
====================================================  =============================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import cos, pi, sqrt
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from relugeom.errors import ArgumentError
from relugeom.optim import OPTIMISERS, AdamW, Optimiser, Schedule
from relugeom.optim.rules import check_whole, is_finite

__all__ = ["DTYPES", "Recipe", "check_choice", "check_number", "check_size", "check_whole", "xavier"]

Floats = npt.NDArray[np.floating[Any]]

DTYPES = ("float32", "float64")


def check_choice(name: str, value: object, allowed: tuple[Any, ...]) -> None:
    """Refuse what is not in a closed set; 1 is not True."""
    if not any(isinstance(value, type(one)) and value == one for one in allowed):
        raise ArgumentError(f"{name} must be one of {', '.join(map(str, allowed))}; got {value!r:.60}")


def check_size(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number, or is too small, or so large that nothing could be counted up to it."""
    check_whole(name, value, least)
    bits = int(value).bit_length()  # type: ignore[call-overload]
    if bits >= 64:
        raise ArgumentError(f"{name} must be below 2^63; got a number of {bits} bits")


def check_number(name: str, value: Any, *, zero: bool = False) -> None:
    """Refuse what is no positive finite number; with `zero`, 0 passes too."""
    if not is_finite(value) or not (float(value) > 0 or (zero and value == 0)):
        raise ArgumentError(f"{name} must be a finite number {'of at least' if zero else 'above'} 0; got {value!r:.60}")


def xavier(rng: np.random.Generator, m: int, n: int) -> Floats:
    """W (m, n) uniform on ±√(6/(m + n)) (Glorot and Bengio, 2010)."""
    limit = sqrt(6 / (m + n))
    return rng.uniform(-limit, limit, (m, n))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is trained, whatever its data.

    Below are the starts with s = `init_scale`, and after each who takes it, with the usual s there. Where nothing else
    is said, b starts at 0.

    xavier (Configuration 0.01, AxialTraining 1)
        W uniform on ±√(6/(m + n)), whatever s (Glorot and Bengio, 2010).
    xavier_normal (ToyTraining 1)
        W normal with deviation s √(2/(m + n)).
    normal (Configuration 0.01, AxialTraining 1)
        W normal with deviation s.
    small (Configuration 0.01, AxialTraining 0.001)
        s times xavier. A configuration has also W's columns in units of their features' largest entries and b at
        their means, so that all outputs are on.
    circle (AxialTraining 4)
        Columns of random directions and of norm R, R² = s²/(1 − cos(2π/n)), and b = 1 − R², so that every output is 1
        on its own axis: R is s times that of the smallest polygon of zero loss.
    file (Configuration 0.01)
        The model of a file, whatever s.
    memorising (Configuration 0.01)
        `relugeom.autoencoder.memorising.memorising_polygon` of the data, for m = 2, whatever s.

    Parameters
    ----------
    m : int
        Latent dimensions.
    optimiser : AdamW or SGD
        With its constants; its learning rate is the peak. Weight decay acts on what is moved.
    steps : int
        Updates; with 0 the model is that of the start.
    schedule : {"constant", "cosine"}
        Of the learning rate after its rise (`relugeom.optim.schedules`).
    warmup : int
        Steps in which it rises to its peak.
    initialisation : str
        One of the above.
    init_scale : float, optional
        s; None stands for the usual one of whatever start there is, which `chosen_init_scale` says.
    bias_coordinate : {"plain", "centred", "none"}
        What the optimiser moves: W and b; W and, in place of b, a feature's output at its largest example, which is
        c_j = b_j + ‖w_j‖² on X = I; or W alone while b stays 0, for models without a bias. "centred" is not for
        `ToyTraining`, and "none" for `AxialTraining` alone.
    dtype : {"float32", "float64"}
        float32 travels twice as fast; polish afterwards.

    Raises
    ------
    ArgumentError
        When a value is out of its range.
    """

    INITIALISATIONS: ClassVar[Mapping[str, float]] = {}
    """The starts that a use takes, each with its usual `init_scale`."""
    BIAS_COORDINATES: ClassVar[tuple[str, ...]] = ("plain",)

    m: int = 2
    optimiser: Optimiser = field(default_factory=AdamW)
    steps: int
    schedule: Literal["cosine", "constant"] = "constant"
    warmup: int = 0
    initialisation: str = "xavier"
    init_scale: float | None = None
    bias_coordinate: str = "plain"
    dtype: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        for name, least in (("m", 1), ("steps", 0), ("warmup", 0)):
            check_size(name, getattr(self, name), least)
        check_choice("initialisation", self.initialisation, tuple(self.INITIALISATIONS))
        check_choice("bias_coordinate", self.bias_coordinate, self.BIAS_COORDINATES)
        check_choice("dtype", self.dtype, DTYPES)
        if not isinstance(self.optimiser, tuple(OPTIMISERS.values())):
            names = " or ".join(kind.__name__ for kind in OPTIMISERS.values())
            raise ArgumentError(f"optimiser must be {names} with its constants; got {self.optimiser!r:.60}")
        if self.init_scale is not None:
            check_number("init_scale", self.init_scale)
        self.learning_rates()

    @property
    def chosen_init_scale(self) -> float:
        """The scale: given, or the usual one of this start."""
        return self.INITIALISATIONS[self.initialisation] if self.init_scale is None else self.init_scale

    def learning_rates(self) -> Schedule:
        """The learning rate of every step."""
        return Schedule(self.schedule, self.optimiser.learning_rate, self.steps, self.warmup)

    def shares(self) -> Schedule:
        """The learning rate of every step as a share of the optimiser's: the same, but for the last bits."""
        return Schedule(self.schedule, 1.0, self.steps, self.warmup)

    def random_encoder(self, rng: np.random.Generator, n: int) -> Floats:
        """W (m, n) of a random start that the data do not change, in double precision."""
        m, scale = self.m, self.chosen_init_scale
        if self.initialisation == "xavier":
            return xavier(rng, m, n)
        if self.initialisation == "small":
            return xavier(rng, m, n) * scale
        W = rng.standard_normal((m, n))
        if self.initialisation == "xavier_normal":
            return scale * sqrt(2 / (m + n)) * W
        if self.initialisation == "circle":
            W /= np.linalg.norm(W, axis=0)
            return W * sqrt(self.circle_square(n))
        return W * scale

    def circle_square(self, n: int) -> float:
        """R² of a start on a circle."""
        return self.chosen_init_scale**2 / (1 - cos(2 * pi / n))
