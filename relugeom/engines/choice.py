"""Which engine for which problem: a rule, fixed before the run.

The clock has no say: the arrangement of a sum decides its last bits, and a run that is resumed, or repeated beside
busier neighbours, must add up in the same way. The constants below were measured by
`benchmarks/full_batch_step.py` and `benchmarks/many_examples.py`; the choice they lead to is stored with every run and
can be forced.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.blocked import Blocked
from relugeom.engines.box_shards import BoxShards
from relugeom.engines.cuda.engine import CudaEngine
from relugeom.engines.hull import Hull
from relugeom.engines.lazy import LazyBlock
from relugeom.engines.moments import Moments
from relugeom.engines.objective import ALONE, Objective, Share
from relugeom.engines.shards import Shards
from relugeom.engines.sorting import Sorting
from relugeom.engines.tree import Tree
from relugeom.errors import ArgumentError

__all__ = ["ENGINES", "Engine", "EngineChoice", "LazyEngine", "choose_engine", "make_engine", "why_not"]

Array = npt.NDArray[Any]

ENGINES = ("blocked", "hull", "moments", "tree", "lazy", "cuda")

# From how many examples on the moments win, by latent dimension. Boxes straddle more features the more dimensions
# they have; from four on they never won.
_MOMENTS_FROM = {2: 400, 3: 4_000}
# Examples per box at every level, by the number of examples up to which they are best.
_LEAVES = {
    2: ((3_000, (64,)), (30_000, (96,)), (300_000, (1024, 128)), (np.inf, (2048, 256))),
    3: ((np.inf, (64,)),),
}
_TREE_FROM = 30_000  # examples, for m = 2; with fewer, moments straddle as few and have fewer levels
_TREE = ((300_000, (2048, 128)), (np.inf, (4096, 128)))  # examples per box and leaf, as above
_FEW_FEATURES = 500  # below, the interpreter's share of a leaf outweighs its arithmetic
_HULL_UP_TO = 4_000  # examples; with more, some example activates nearly every feature
_SHARDS_FROM = 1_000  # examples; a shorter step is over before a second process has woken up


class Engine(Protocol):
    """L and its gradient over a fixed data set."""

    def value_and_gradient(self, model: Parameters) -> tuple[float, Parameters]:
        """L and ∇L at one model: W (m, n), b (n,) and, untied, its decoder (n, m)."""

    def state(self) -> dict[str, Array]:
        """What must be restored for the next gradient to be the same to the last bit."""

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""

    def close(self) -> None:
        """Release what the engine holds."""


class LazyEngine(Engine, Protocol):
    """An engine whose models may lack features that are off and hold no data."""

    latent: Array
    """The latent vectors of the last call in columns (h_t, 1), shape (m+1, T)."""

    def select(self, features: Array) -> None:
        """From now on models have these features only, in this (increasing) order."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """An engine and everything that fixes how it adds up.

    Attributes
    ----------
    name : {"blocked", "hull", "moments", "tree", "lazy", "cuda"}
    leaves : tuple of int
        Box sizes of "moments" and of "tree" (two, a power of two apart), coarse to fine, each a multiple of the next;
        empty for the others.
    processes : int
        Shards, this process included.
    split : {"examples", "boxes"}
        What is dealt out to processes: the examples once and for all, or, for "moments" and "tree" alone, the boxes
        whenever they are made.
    """

    name: str
    leaves: tuple[int, ...] = ()
    processes: int = 1
    split: str = "examples"

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise ArgumentError(f"engine must be one of {', '.join(ENGINES)}; got {self.name!r}")
        if (self.name in ("moments", "tree")) != bool(self.leaves):
            raise ArgumentError(
                f"leaves belong to the engines 'moments' and 'tree'; got {self.leaves} for {self.name!r}"
            )
        if any(size < 1 for size in self.leaves) or any(
            coarse % fine for coarse, fine in zip(self.leaves, self.leaves[1:], strict=False)
        ):
            raise ArgumentError(f"leaves must be positive, each a multiple of the next; got {self.leaves}")
        if self.name == "tree" and (len(self.leaves) != 2 or (self.leaves[0] // self.leaves[1]).bit_count() != 1):
            raise ArgumentError(f"leaves of the engine 'tree' must be two, a power of two apart; got {self.leaves}")
        if self.processes < 1:
            raise ArgumentError(f"processes must be at least 1; got {self.processes}")
        if self.split not in ("examples", "boxes"):
            raise ArgumentError(f"split must be 'examples' or 'boxes'; got {self.split!r}")
        if self.split == "boxes" and not (self.leaves and self.processes > 1):
            raise ArgumentError(
                "split = 'boxes' is for the engines 'moments' and 'tree' in two processes or more; "
                f"got {self.name!r} in {self.processes}"
            )
        if self.name == "lazy" and self.processes > 1:
            raise ArgumentError(f"the engine 'lazy' works in one process; got processes = {self.processes}")


def choose_engine(
    T: int,
    n: int,
    m: int,
    dtype: npt.DTypeLike = np.float32,
    *,
    name: str = "auto",
    processes: int = 1,
    once: bool = False,
) -> EngineChoice:
    """The engine for T examples of n features and m latent dimensions.

    Parameters
    ----------
    dtype : float32 or float64
        Both follow the same rule: all engines slow down alike.
    name : str
        Force an engine; "auto" follows the rule, which never picks "cuda": the same run must be the same on a machine
        without a GPU.
    processes : int
        How many may be used; fewer are when a step is too short to share.
    once : bool
        For one evaluation, or data that change every step: there is nothing to remember from step to step.
    """
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ArgumentError(f"dtype must be float32 or float64; got {np.dtype(dtype)}")
    if processes < 1:
        raise ArgumentError(f"processes must be at least 1; got {processes}")
    shards = min(processes, T) if T >= _SHARDS_FROM and name not in ("cuda", "lazy") else 1
    if name == "auto":
        if m == 2 and n >= _FEW_FEATURES and T >= _TREE_FROM and not once:
            name = "tree"
        elif n >= _FEW_FEATURES and _MOMENTS_FROM.get(m, np.inf) <= T:
            name = "moments"
        elif T <= _HULL_UP_TO and n >= _FEW_FEATURES:
            name = "hull" if once or shards > 1 else "lazy"
        else:
            name = "blocked"
    if name not in ("moments", "tree"):
        return EngineChoice(name, (), shards)
    table = _TREE if name == "tree" else _LEAVES.get(m, _LEAVES[3])
    leaves = next(sizes for upto, sizes in table if upto >= T)
    shards = min(shards, max(1, T // leaves[0]))  # a box for everybody
    return EngineChoice(name, leaves, shards, "boxes" if shards > 1 else "examples")


def why_not(name: str, T: int, n: int, m: int) -> str:
    """Why `choose_engine` does not take the engine `name` for this size, in one line; empty for the one it takes."""
    if choose_engine(T, n, m).name == name:
        return ""
    if name == "tree":
        return "it is for m = 2" if m != 2 else f"T = {T} is below {_TREE_FROM}, where it begins to pay"
    if name == "moments" and choose_engine(T, n, m).name == "tree":
        return "the tree settles as many pairs by fewer calls, and most of the data's non-zeros with them"
    if name == "moments":
        if m not in _MOMENTS_FROM:
            return f"boxes straddle too many features for m = {m}; it is for m = 2 and 3"
        if n < _FEW_FEATURES:
            return f"n = {n} is below {_FEW_FEATURES}, where the interpreter's share outweighs the arithmetic"
        return f"T = {T} is below {_MOMENTS_FROM[m]}, where it begins to pay for m = {m}"
    if name in ("hull", "lazy"):
        if n < _FEW_FEATURES:
            return f"n = {n} is below {_FEW_FEATURES}; few features are not worth leaving out"
        if name == "hull" and choose_engine(T, n, m).name == "lazy":
            return "lazy leaves out the same features, and does not look for them at every step"
        return "moments are faster" if T <= _HULL_UP_TO else "of many examples, some activates nearly every feature"
    if name == "cuda":
        return 'taken only when asked for (engine "cuda"): results must not depend on whether there is a GPU'
    return "another engine leaves out work that this one does"


def make_engine(examples: SparseExamples, choice: EngineChoice) -> Engine:
    """Build what `choice` says over `examples`."""
    if choice.name == "cuda":
        return CudaEngine(examples)
    if choice.name == "lazy":
        return LazyBlock(examples)
    if choice.split == "boxes":
        if choice.processes * choice.leaves[0] > examples.T:
            raise ArgumentError(
                f"processes must leave a box for every one of them; got {choice.processes} for "
                f"T = {examples.T} in boxes of {choice.leaves[0]}"
            )
        return BoxShards(examples, partial(_of_share, choice), choice.processes)
    if choice.processes > 1:
        return Shards(examples, partial(_in_one_process, choice), choice.processes)
    return _in_one_process(choice, examples)


def _in_one_process(choice: EngineChoice, examples: SparseExamples) -> Engine:
    if choice.leaves:
        return _of_share(choice, examples, ALONE)[0]
    return Objective(examples, Hull() if choice.name == "hull" else Blocked())


def _of_share(choice: EngineChoice, examples: SparseExamples, share: Share) -> tuple[Engine, Sorting]:
    """An engine with boxes over a share of the examples, and what sorts them."""
    if choice.name == "tree":
        tree = Tree(examples, (choice.leaves[0], choice.leaves[1]), share)
        return tree, tree.sorting
    dense = Moments(choice.leaves)
    return Objective(examples, dense, share), dense.sorting
