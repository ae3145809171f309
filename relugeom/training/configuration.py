"""Everything that fixes the result of a run, in one frozen value.

Two runs of equal configurations on equal libraries and hardware end in the same bits. The engine belongs to it, because
the order in which a sum is added up decides its last bits; it is chosen by a rule (`relugeom.engines.choice`) when
the configuration is made, not when it is run.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.examples import (
    FreshExamples,
    SparseExamples,
    axial_examples,
    check_distribution,
    load_examples,
    sparse_unit_norm_examples,
)
from relugeom.autoencoder.files import load_model
from relugeom.autoencoder.memorising import memorising_polygon
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.choice import EngineChoice, choose_engine
from relugeom.errors import ArgumentError, StorageError
from relugeom.optim.adamw import AdamW
from relugeom.optim.rules import Scheduled
from relugeom.optim.schedules import Schedule
from relugeom.optim.sgd import SGD
from relugeom.training.centred import CentredCoordinates, CentredOptimiser, Growth, least_norm

__all__ = ["BIAS_COORDINATES", "DATA", "INITIALISATIONS", "OPTIMISERS", "Configuration"]

Array = npt.NDArray[Any]

DATA = ("sparse", "axial", "fresh", "file")
OPTIMISERS = ("adamw", "sgd")
INITIALISATIONS = ("xavier", "normal", "small", "file", "memorising")
BIAS_COORDINATES = ("plain", "centred")

_TEST_STREAM = 1  # data_seed's stream of test examples; training data are stream 0

# Fields that came later are named in a key only where they differ from what was before, so that old keys hold.
_LATER: Mapping[str, Any] = {"bias_coordinate": "plain", "growth": 0.0, "init_instance": None}

_GROWN = 0.8  # of all steps, after which the latent vectors have their full norm

# How version 0.1.0 called a field.
_OLDER_NAMES: Mapping[str, str] = {"rate": "learning_rate"}


@dataclass(frozen=True, slots=True)
class Configuration:
    """A run of the paper's experiment, whole: data, model, optimiser, engine. The defaults are the paper's.

    Attributes
    ----------
    T, n, m : int
        Examples, features, latent dimensions. For axial data T must be n.
    S : float
        Sparsity of "sparse" and "fresh" data.
    data : {"sparse", "axial", "fresh", "file"}
        "fresh" draws T new examples every step.
    data_path, init_path : str
        Files for ``data="file"`` and ``initialisation="file"``.
    init_instance : int, optional
        Which model of `init_path`, where it holds several; from the end by −1, −2, ...
    data_seed, seed : int
        Entropy of the data and of the initialisation.
    steps : int
        Updates.
    optimiser : {"adamw", "sgd"}
    learning_rate, warmup, schedule
        See `relugeom.optim.schedules`.
    weight_decay, momentum : float
        Momentum is for "sgd".
    initialisation : {"xavier", "normal", "small", "file", "memorising"}
        Xavier: uniform on ±√(6/(n+m)). Normal: standard deviation `init_scale`. The bias starts at 0. Small: Xavier
        times `init_scale` times the feature's largest entry, and every bias at the mean of its feature, so that all
        outputs are on. Memorising: the model
        of `relugeom.autoencoder.memorising.memorising_polygon` for the training data, for m = 2.
    init_scale : float
    bias_coordinate : {"plain", "centred"}
        What the optimiser moves: W and b, or v and c of `relugeom.training.centred`, where c is a feature's output at
        its largest example, both in units of the feature's largest entry.
    growth : float
        With a centred bias and m = 2: latent vectors are made to grow, over the first four fifths of the steps, to
        this times the least norm of T points at zero loss, and the learning rate grows with them. 0: they are not.
    untied : bool
        Train a decoder R (n, m) of its own, which starts at Wᵀ, instead of Wᵀ itself.
    dtype : {"float32", "float64"}
    engine : EngineChoice, optional
        None follows the rule.

    Raises
    ------
    ArgumentError
        When a value is out of its range.
    """

    T: int
    n: int = 10_000
    m: int = 2
    S: float = 0.999
    data: str = "sparse"
    data_path: str = ""
    data_seed: int = 0
    seed: int = 0
    steps: int = 50_000
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    warmup: int = 2_500
    schedule: str = "cosine"
    weight_decay: float = 1e-2
    momentum: float = 0.0
    initialisation: str = "xavier"
    init_scale: float = 0.01
    init_path: str = ""
    init_instance: int | None = None
    bias_coordinate: str = "plain"
    growth: float = 0.0
    untied: bool = False
    dtype: str = "float32"
    engine: EngineChoice | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("data", DATA),
            ("optimiser", OPTIMISERS),
            ("initialisation", INITIALISATIONS),
            ("bias_coordinate", BIAS_COORDINATES),
            ("dtype", ("float32", "float64")),
        ):
            if getattr(self, name) not in allowed:
                raise ArgumentError(f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")
        check_distribution(self.T, self.n, self.S)
        for name, least in (("m", 1), ("data_seed", 0), ("seed", 0), ("steps", 1), ("warmup", 0)):
            if getattr(self, name) < least:
                raise ArgumentError(f"{name} must be at least {least}; got {getattr(self, name)}")
        for name in ("learning_rate", "init_scale"):
            if not 0 < getattr(self, name) < math.inf:
                raise ArgumentError(f"{name} must be a positive number; got {getattr(self, name)}")
        if self.data == "axial" and self.n != self.T:
            raise ArgumentError(f"axial data are n examples of n features; got T = {self.T}, n = {self.n}")
        for kind, path in (("data", self.data_path), ("initialisation", self.init_path)):
            if (getattr(self, kind) == "file") != bool(path):
                raise ArgumentError(
                    f"{kind} = 'file' and its path go together; got {getattr(self, kind)!r} and {path!r}"
                )
        if self.init_instance is not None and self.initialisation != "file":
            raise ArgumentError(f"init_instance is for initialisation = 'file'; got {self.initialisation!r}")
        if self.initialisation == "memorising" and (self.m != 2 or self.data == "fresh"):
            raise ArgumentError(
                f"a memorising start is for m = 2 and data that stay; got m = {self.m}, data = {self.data!r}"
            )
        if self.initialisation == "small" and self.data == "fresh":
            raise ArgumentError("a small start takes its biases from the data, and fresh data change every step")
        if self.bias_coordinate == "centred" and (self.untied or self.data == "fresh"):
            raise ArgumentError(
                f"a centred bias is for tied models and data that stay; got untied = {self.untied}, "
                f"data = {self.data!r}"
            )
        if not 0 <= self.growth < math.inf:
            raise ArgumentError(f"growth must be a finite number, at least 0; got {self.growth}")
        if self.growth and (self.bias_coordinate != "centred" or self.m != 2):
            raise ArgumentError(
                f"growth is for bias_coordinate = 'centred' and m = 2; got {self.bias_coordinate!r} and m = {self.m}"
            )
        self.learning_rates()
        self.optimiser_for(1)
        if self.engine is None:
            choice = choose_engine(self.T, self.n, self.m, self.dtype, once=self.data == "fresh")
            object.__setattr__(self, "engine", choice)  # frozen to everybody else
        if self.data == "fresh" and self.chosen_engine.processes > 1:
            raise ArgumentError("fresh data change every step; they cannot be dealt out to processes")
        if self.data == "fresh" and self.chosen_engine.name == "lazy":
            raise ArgumentError("fresh data change every step; the engine 'lazy' is for data that stay")
        if self.data == "fresh" and self.chosen_engine.name == "cuda":
            raise ArgumentError("fresh data change every step; the GPU engine is for data that stay on the device")

    def with_engine(self, name: str = "auto", processes: int = 1) -> Configuration:
        """This run with the engine `name` ("auto": by the rule), shared among `processes`."""
        once = self.data == "fresh"
        choice = choose_engine(self.T, self.n, self.m, self.dtype, name=name, processes=processes, once=once)
        return dataclasses.replace(self, engine=choice)

    @property
    def chosen_engine(self) -> EngineChoice:
        """The engine: given, or by the rule."""
        assert self.engine is not None
        return self.engine

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dataclasses.asdict(self)

    def key(self) -> dict[str, Any]:
        """`as_dict` in the names of version 0.1.0, by which runs are stored: a run keeps its key for ever."""
        newer = {name: older for older, name in _OLDER_NAMES.items()}
        return {
            newer.get(name, name): value
            for name, value in self.as_dict().items()
            if name not in _LATER or value != _LATER[name]
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Configuration:
        """The inverse of `as_dict`, for values from a file.

        Raises
        ------
        ArgumentError
            When they describe no configuration.
        """
        try:
            named = {_OLDER_NAMES.get(name, name): value for name, value in values.items()}
            engine = dict(named["engine"])
            engine["leaves"] = tuple(engine["leaves"])
            found = cls(**{**named, "engine": EngineChoice(**engine)})
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArgumentError(f"not a configuration ({error!s:.200})") from None
        _check_types(found)
        _check_types(found.chosen_engine)
        return found

    def examples(self) -> SparseExamples | FreshExamples:
        """The training data."""
        if self.data == "axial":
            return axial_examples(self.n, dtype=self.dtype)
        if self.data == "fresh":
            return FreshExamples(self.T, self.n, self.S, self.data_seed, self.dtype)
        if self.data == "sparse":
            return sparse_unit_norm_examples(self.T, self.n, self.S, seed=self.data_seed, dtype=self.dtype)
        found = load_examples(self.data_path)
        if (found.T, found.n, found.values.dtype.name) != (self.T, self.n, self.dtype):
            raise StorageError(
                f"{self.data_path}: holds {found.values.dtype.name} data of T = {found.T}, n = {found.n}; "
                f"expected {self.dtype}, {self.T}, {self.n}"
            )
        return found

    def test_examples(self, T: int) -> SparseExamples | None:
        """T examples of the same law that training never sees; None when the law is unknown."""
        if self.data not in ("sparse", "fresh"):
            return None
        # Fresh batches are children (0,), (1,), ... of the seed; the test data live one level further down.
        seed = np.random.SeedSequence(self.data_seed, spawn_key=(0, 0, _TEST_STREAM))
        return sparse_unit_norm_examples(T, self.n, self.S, seed=seed, dtype=self.dtype)

    def initial_model(self) -> Parameters:
        """W (m, n), b (n,) and, untied, the decoder (n, m) before the first step."""
        shape = (self.m, self.n)
        if self.initialisation == "file":
            return self._from_file()
        if self.initialisation == "memorising":
            found = memorising_polygon(cast(SparseExamples, self.examples()))
            W, b = (np.ascontiguousarray(part, dtype=self.dtype) for part in found)
            return Parameters(W, b, np.ascontiguousarray(W.T) if self.untied else None)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(2,)))
        b = np.zeros(self.n, self.dtype)
        if self.initialisation == "normal":
            W = rng.normal(scale=self.init_scale, size=shape).astype(self.dtype)
        else:
            bound = math.sqrt(6 / (self.n + self.m))
            W = rng.uniform(-bound, bound, shape).astype(self.dtype)
        if self.initialisation == "small":
            examples = cast(SparseExamples, self.examples())
            largest = np.zeros(self.n, self.dtype)
            np.maximum.at(largest, examples.indices, examples.values)
            W *= self.init_scale * np.where(largest > 0, largest, 1).astype(self.dtype)
            b[:] = np.bincount(examples.indices, examples.values, minlength=self.n) / self.T
        decoder = np.ascontiguousarray(W.T) if self.untied else None
        return Parameters(W, b, decoder)

    def _from_file(self) -> Parameters:
        """The model of `init_path`: b starts at 0 and the decoder at Wᵀ where it has none; a tied run takes none."""
        found = load_model(self.init_path, instance=self.init_instance)
        W, b, R = found.model.W, found.model.b, found.model.decoder
        if W.shape != (self.m, self.n):
            raise StorageError(f"{self.init_path}: must hold W of shape {(self.m, self.n)}; got {W.shape}")
        R = W.T if R is None else R
        b = np.zeros(self.n) if b is None else b
        if not all(np.isfinite(part).all() for part in (W, b, R)):
            raise StorageError(f"{self.init_path}: holds numbers that are not finite")
        W, b, R = (np.array(part, dtype=self.dtype, order="C") for part in (W, b, R))
        return Parameters(W, b, R if self.untied else None)

    def optimiser_from(
        self, parameters: Array, examples: SparseExamples | FreshExamples
    ) -> Scheduled | CentredOptimiser:
        """The optimiser of a run over these examples that starts at these flat parameters."""
        rule = self.optimiser_for(len(parameters))
        if self.bias_coordinate == "plain":
            return rule
        coordinates = CentredCoordinates(cast(SparseExamples, examples), self.m)
        return CentredOptimiser(rule, coordinates, parameters, self.growing())

    def growing(self) -> Growth | None:
        """How the latent vectors are made to grow."""
        return Growth(self.growth * least_norm(self.T), _GROWN * self.steps) if self.growth else None

    def optimiser_for(self, size: int) -> Scheduled:
        """The optimiser of `size` numbers."""
        if self.optimiser == "adamw":
            return AdamW(weight_decay=self.weight_decay).scheduled(size, self.dtype)
        return SGD(momentum=self.momentum, weight_decay=self.weight_decay).scheduled(size, self.dtype)

    def learning_rates(self) -> Schedule:
        """η over the steps."""
        return Schedule(self.schedule, self.learning_rate, self.steps, self.warmup)


# What a field of a configuration read from a file may hold; JSON has no other numbers.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "int | None": (int, type(None)),
}  # fmt: skip


def _check_types(value: Configuration | EngineChoice) -> None:
    for field in dataclasses.fields(value):
        entry, allowed = getattr(value, field.name), _TYPES.get(str(field.type))
        if allowed is not None and type(entry) not in allowed:
            raise ArgumentError(f"{field.name} must be of type {field.type}; got {entry!r:.60}")
        if field.name == "leaves" and any(type(size) is not int for size in entry):
            raise ArgumentError(f"leaves must be whole numbers; got {entry!r:.60}")
