"""Everything that fixes the result of a run, in one frozen value.

Two runs of equal configurations on equal libraries and hardware end in the same bits. The engine belongs to it, because
the order in which a sum is added up decides its last bits; it is chosen by a rule (`relugeom.engines.choice`) when
the configuration is made, not when it is run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, Literal, cast

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
from relugeom.optim import AdamW, Optimiser, optimiser_of_name
from relugeom.optim.rules import Scheduled
from relugeom.storage import plain_number
from relugeom.training.centred import CentredCoordinates, CentredOptimiser, Growth, least_norm
from relugeom.training.recipes import Recipe, check_choice, check_number, check_size, check_whole, xavier

__all__ = ["DATA", "PAPER", "Configuration"]

Array = npt.NDArray[Any]

DATA = ("sparse", "axial", "fresh", "file")
PAPER = AdamW(learning_rate=1e-3, weight_decay=1e-2)
"""The optimiser of Henighan et al. (2023)."""

_TEST_STREAM = 1  # data_seed's stream of test examples; training data are stream 0

# Fields that came later are named in a key only where they differ from what was before, so that old keys hold.
_LATER: Mapping[str, Any] = {"bias_coordinate": "plain", "growth": 0.0, "init_instance": None, "init_transpose": None}

_GROWN = 0.8  # of all steps, after which the latent vectors have their full norm

# The names in files, in order: the optimiser's constants stand beside its name.
_CONSTANTS = ("learning_rate", "weight_decay", "momentum", "beta1", "beta2", "epsilon")
_NAMES = (
    "T", "n", "m", "S", "data", "data_path", "data_seed", "seed", "steps", "optimiser", "learning_rate", "warmup",
    "schedule", "weight_decay", "momentum", "initialisation", "init_scale", "init_path", "init_instance",
    "init_transpose", "bias_coordinate", "growth", "untied", "dtype", "engine",
)  # fmt: skip

# How version 0.1.0 called a field.
_OLDER_NAMES: Mapping[str, str] = {"rate": "learning_rate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration(Recipe):
    """A run of the paper's experiment, whole: a `Recipe` with data, seeds and engine. The defaults are the paper's.

    Parameters
    ----------
    m, optimiser, steps, schedule, warmup, initialisation, init_scale, bias_coordinate, dtype
        As in `relugeom.training.recipes.Recipe`. "centred" moves v and c of `relugeom.training.centred`.
    T, n : int
        Examples and features. For axial data T must be n.
    S : float
        Sparsity of "sparse" and "fresh" data.
    data : {"sparse", "axial", "fresh", "file"}
        "fresh" draws T new examples every step.
    data_path : str
        The file of ``data="file"``.
    data_seed, seed : int
        Entropy of the data and of the initialisation.
    init_path : str
        The file of ``initialisation="file"``.
    init_instance : int, optional
        Which model of `init_path`, where it holds several; from the end by −1, −2, ...
    init_transpose : bool, optional
        Whether W of `init_path` lies as (n, m); needed only where the file cannot tell.
    growth : float
        With a centred bias and m = 2: latent vectors are made to grow, over the first four fifths of the steps, to
        this times the least norm of T points at zero loss, and the learning rate grows with them. 0: they are not.
    untied : bool
        Train a decoder R (n, m) of its own, which starts at Wᵀ, instead of Wᵀ itself.
    engine : EngineChoice, optional
        None follows the rule.

    Raises
    ------
    ArgumentError
        When a value is out of its range.
    """

    INITIALISATIONS: ClassVar[Mapping[str, float]] = dict.fromkeys(
        ("xavier", "normal", "small", "file", "memorising"), 0.01
    )
    BIAS_COORDINATES: ClassVar[tuple[str, ...]] = ("plain", "centred")

    T: int
    n: int = 10_000
    S: float = 0.999
    data: str = "sparse"
    data_path: str = ""
    data_seed: int = 0
    seed: int = 0
    optimiser: Optimiser = PAPER
    steps: int = 50_000
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: int = 2_500
    init_path: str = ""
    init_instance: int | None = None
    init_transpose: bool | None = None
    growth: float = 0.0
    untied: bool = False
    engine: EngineChoice | None = None

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)  # super() alone does not find it in a class with slots
        for name in ("T", "n"):
            check_size(name, getattr(self, name), 1)
        for name in ("data_seed", "seed"):
            check_whole(name, getattr(self, name), 0)
        for name in ("S", "growth"):
            check_number(name, getattr(self, name), zero=True)
        check_distribution(self.T, self.n, self.S)
        check_choice("data", self.data, DATA)
        check_choice("untied", self.untied, (False, True))
        check_choice("init_transpose", self.init_transpose, (None, False, True))
        for name in ("data_path", "init_path"):
            if not isinstance(getattr(self, name), str):
                raise ArgumentError(f"{name} must be a text; got {getattr(self, name)!r:.60}")
        if self.init_instance is not None and type(self.init_instance) is not int:
            raise ArgumentError(f"init_instance must be a whole number or None; got {self.init_instance!r:.60}")
        if not isinstance(self.engine, EngineChoice | None):
            raise ArgumentError(f"engine must be an EngineChoice or None; got {self.engine!r:.60}")
        if self.data == "axial" and self.n != self.T:
            raise ArgumentError(f"axial data are n examples of n features; got T = {self.T}, n = {self.n}")
        for kind, path in (("data", self.data_path), ("initialisation", self.init_path)):
            if (getattr(self, kind) == "file") != bool(path):
                raise ArgumentError(
                    f"{kind} = 'file' and its path go together; got {getattr(self, kind)!r} and {path!r}"
                )
        for name in ("init_instance", "init_transpose"):
            if getattr(self, name) is not None and self.initialisation != "file":
                raise ArgumentError(f"{name} is for initialisation = 'file'; got {self.initialisation!r}")
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
        if self.growth and (self.bias_coordinate != "centred" or self.m != 2 or not self.steps):
            raise ArgumentError(
                "growth is for bias_coordinate = 'centred', m = 2 and at least one step; "
                f"got {self.bias_coordinate!r}, m = {self.m} and {self.steps} steps"
            )
        # Equal runs are equal values, also where one is read from a file: there the scale is known, and all numbers are
        # Python's, with which NumPy may compute otherwise than with its own.
        object.__setattr__(self, "init_scale", self.chosen_init_scale)  # frozen to everybody else
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _plain(getattr(self, field.name)))
        rule: Any = self.optimiser
        constants = {field.name: _plain(getattr(rule, field.name)) for field in dataclasses.fields(rule)}
        object.__setattr__(self, "optimiser", dataclasses.replace(rule, **constants))
        if self.engine is None:
            choice = choose_engine(self.T, self.n, self.m, self.dtype, once=self.data == "fresh")
            object.__setattr__(self, "engine", choice)
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
        """Plain JSON values, the optimiser by its name and with its constants beside it."""
        constants = dataclasses.asdict(self.optimiser)  # type: ignore[call-overload]
        engine = dataclasses.asdict(self.chosen_engine)
        if self.chosen_engine.split == "examples":  # files of earlier versions have no name for it
            del engine["split"]
        own = {**dataclasses.asdict(self), "engine": engine}
        flat = {**own, "momentum": 0.0, **constants, "optimiser": self.optimiser.name}
        # Constants that files had no name for are in them only where they are not the usual ones.
        usual = dataclasses.asdict(type(self.optimiser)())  # type: ignore[call-overload]
        more = [name for name in constants if name not in _NAMES and constants[name] != usual[name]]
        return {name: flat[name] for name in (*_NAMES, *more)}

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
            constants = {name: named.pop(name) for name in _CONSTANTS if name in named}
            rule = optimiser_of_name(named["optimiser"], **constants)
            found = cls(**{**named, "optimiser": rule, "engine": EngineChoice(**engine)})
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArgumentError(f"not a configuration ({error!s:.200})") from None
        for part in (found.optimiser, found.chosen_engine):
            _check_types(part)
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
        if self.initialisation == "file":
            return self._from_file()
        if self.initialisation == "memorising":
            found = memorising_polygon(cast(SparseExamples, self.examples()))
            W, b = (np.ascontiguousarray(part, dtype=self.dtype) for part in found)
            return Parameters(W, b, np.ascontiguousarray(W.T) if self.untied else None)
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(2,)))
        b = np.zeros(self.n, self.dtype)
        if self.initialisation != "small":
            W = self.random_encoder(rng, self.n).astype(self.dtype)
        else:
            W = xavier(rng, self.m, self.n).astype(self.dtype)
            examples = cast(SparseExamples, self.examples())
            largest = np.zeros(self.n, self.dtype)
            np.maximum.at(largest, examples.indices, examples.values)
            W *= self.chosen_init_scale * np.where(largest > 0, largest, 1).astype(self.dtype)
            b[:] = np.bincount(examples.indices, examples.values, minlength=self.n) / self.T
        decoder = np.ascontiguousarray(W.T) if self.untied else None
        return Parameters(W, b, decoder)

    def _from_file(self) -> Parameters:
        """The model of `init_path`: b starts at 0 and the decoder at Wᵀ where it has none; a tied run takes none."""
        found = load_model(self.init_path, instance=self.init_instance, transpose=self.init_transpose)
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
        rule = self.optimiser.start_scheduled(len(parameters), self.dtype)
        if self.bias_coordinate == "plain":
            return rule
        coordinates = CentredCoordinates(cast(SparseExamples, examples), self.m)
        return CentredOptimiser(rule, coordinates, parameters, self.growing())

    def growing(self) -> Growth | None:
        """How the latent vectors are made to grow."""
        return Growth(self.growth * least_norm(self.T), _GROWN * self.steps) if self.growth else None


def _plain(value: Any) -> Any:
    """A number as Python's; anything else as it is."""
    return value if type(value) in (bool, int, float) or not isinstance(value, Real) else plain_number(value)


# What a constant of an optimiser or an engine that is read from a file may hold; JSON has no other numbers.
_TYPES: Mapping[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}


def _check_types(value: Any) -> None:
    for field in dataclasses.fields(value):
        entry, allowed = getattr(value, field.name), _TYPES.get(str(field.type))
        if allowed is not None and type(entry) not in allowed:
            raise ArgumentError(f"{field.name} must be of type {field.type}; got {entry!r:.60}")
        if field.name == "leaves" and any(type(size) is not int for size in entry):
            raise ArgumentError(f"leaves must be whole numbers; got {entry!r:.60}")
