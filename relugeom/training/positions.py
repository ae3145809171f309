"""Where a run stands: its parameters, the optimiser's averages, the engine, and how one step moves them.

`EveryFeature` moves all parameters at every step. `LazyFeatures`, for the engine "lazy", leaves out the features that
nothing reaches: no example has them, none activates them, and the optimiser's mean of their gradient is 0. Their
gradient is 0, and a step does nothing to them but

    θ_j ← (1 − ηλ) θ_j,     ν_j ← β₂ ν_j        (AdamW)

so they are brought up to date when somebody asks, at once:

    θ_j(k) = θ_j(k₀) exp(Σ_{i=k₀}^{k-1} log(1 − η_i λ)),     ν_j(k) = ν_j(k₀) β₂^(k − k₀)

with the exponents in float64 and one rounding to the type of the run. This order of rounding defines the result.
Rounding after every step, as `EveryFeature` does, adds up: over the paper's 50,000 steps in float32 to as much as 4e-4
of a parameter. To ask is not to move: k₀ stays, so results do not depend on when a run was looked at or saved.

A factor does not change the sign of d_j·h + b_j. So a feature at rest stays off while the latent vectors have moved
less, since it was looked at, than its distance from being on (`relugeom.engines.lazy`), and this one number is all
that a step has to test. Features that may have come on move again from that step on.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.choice import LazyEngine
from relugeom.engines.lazy import distance_off
from relugeom.errors import ArgumentError
from relugeom.optim.subnormals import clear_subnormals
from relugeom.training.checkpoint import Checkpoint, views

__all__ = ["EveryFeature", "LazyFeatures", "Position", "StepLoss"]

Array = npt.NDArray[Any]

_KEY = "rest/"  # before the names of its arrays in the state of the engine
_REST_EVERY = 128  # steps between looks at the features: which have come to rest, how far are those at rest from it
_REST, _WAKE = 256, 64  # features rest that stay off for so many steps at the present pace, and wake before so few
_LEAST_DECAY = 1e-9  # of a step at the peak rate, which a schedule may pass by rounding; nothing rests below
_WORTH = 16  # at least one in so many must have, for the others to be gathered anew


class StepLoss(Protocol):
    """L and ∇L at a step."""

    def examples(self, step: int) -> SparseExamples:
        """The data of that step."""

    def value_and_gradient(self, step: int, model: Parameters) -> tuple[float, Parameters]:
        """L and its gradient with the data of that step."""

    def state(self) -> dict[str, Array]:
        """What the engine needs to go on to the same bits."""

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""


class Position(Protocol):
    """Where a run stands."""

    def evaluate(self, step: int) -> tuple[float, Array]:
        """L and its gradient, flat, in the parameters that move."""

    def update(self, gradient: Array, learning_rate: float) -> None:
        """One step of the optimiser."""

    def revert(self) -> None:
        """Take the parameters back to where they were before the last update."""

    def parameters(self) -> Array:
        """W, b and, untied, the decoder, flat, up to date: a copy."""

    def optimiser_state(self) -> dict[str, Array]:
        """The averages of all parameters, up to date: copies."""

    def engine_state(self) -> dict[str, Array]:
        """What else the next steps depend on."""


class EveryFeature:
    """All parameters move at every step."""

    def __init__(self, start: Checkpoint, problem: StepLoss) -> None:
        configuration = start.configuration
        self._problem = problem
        self._parameters = start.parameters.copy()
        self._before = start.parameters.copy()
        self._model = views(self._parameters, configuration)
        self._optimiser = configuration.optimiser_from(self._parameters, problem.examples(0))
        self._gradient = np.empty_like(self._parameters)
        if start.optimiser:
            self._optimiser.restore(start.optimiser)
        if start.engine:
            problem.restore(start.engine)

    def evaluate(self, step: int) -> tuple[float, Array]:
        """L and its gradient."""
        loss, found = self._problem.value_and_gradient(step, self._model)
        return loss, np.concatenate([part.ravel() for part in found], out=self._gradient)

    def update(self, gradient: Array, learning_rate: float) -> None:
        """One step of the optimiser."""
        self._before[:] = self._parameters
        self._optimiser.update(self._parameters, gradient, learning_rate)

    def revert(self) -> None:
        """Take the parameters back to where they were before the last update."""
        self._parameters[:] = self._before

    def parameters(self) -> Array:
        """The parameters, flat."""
        return self._parameters.copy()

    def optimiser_state(self) -> dict[str, Array]:
        """The averages."""
        return {name: array.copy() for name, array in self._optimiser.state().items()}

    def engine_state(self) -> dict[str, Array]:
        """The engine's own state."""
        return self._problem.state()


class LazyFeatures:
    """Features at rest stay out of gradient and update.

    Tables have a row per parameter of a feature (w_j, b_j and, untied, its row of the decoder) and a column per
    feature: of all n, where those at rest hold what they were when they came to rest, or of those that move.
    """

    def __init__(self, start: Checkpoint, engine: LazyEngine, examples: SparseExamples) -> None:
        self._configuration = start.configuration
        self._engine = engine
        n = start.configuration.n
        self._without_data = np.ones(n, bool)
        self._without_data[examples.indices] = False
        rest = {name.removeprefix(_KEY): array for name, array in start.engine.items() if name.startswith(_KEY)}
        self._theta = self._table(start.parameters)
        # An optimiser of all parameters, for its state alone: it names the averages and starts them.
        optimiser = start.configuration.optimiser.start_scheduled(len(start.parameters), start.configuration.dtype)
        if start.optimiser:
            optimiser.restore(start.optimiser)
        self._averages = {name: self._table(array) for name, array in optimiser.state().items() if array.ndim}
        self._fading = optimiser.fading()
        self._moving = np.arange(n)
        self._resting = np.empty(0, np.int64)
        self._log, self._since_log, self._since = 0.0, np.zeros(n), np.zeros(n, np.int64)
        self._latent = np.zeros((start.configuration.m + 1, start.configuration.T), start.configuration.dtype)
        self._looked, self._room = 0, np.inf
        if rest:
            self._take_up(rest)
        self._gather(optimiser.steps)
        engine.restore({name: array for name, array in start.engine.items() if not name.startswith(_KEY)})
        self._before = (self._moving, self._moved.copy(), self._log)

    def _take_up(self, rest: dict[str, Array]) -> None:
        """What is at rest, from a state."""
        self._resting = rest["features"]
        moves = np.ones(self._configuration.n, bool)
        moves[self._resting] = False
        self._moving = np.flatnonzero(moves)
        self._theta[:, self._resting] = rest["parameters"]
        for name, average in self._averages.items():
            average[:, self._resting] = rest[name]
        self._log = float(rest["log"])
        self._since_log[self._resting], self._since[self._resting] = rest["since_log"], rest["since"]
        self._look(rest["latent"], int(rest["looked"]))
        if not self._without_data[self._resting].all():
            raise ArgumentError("a feature at rest holds data")

    def _table(self, flat: Array) -> Array:
        """Rows W, b and, untied, Rᵀ, from flat parameters: a copy."""
        model = views(flat, self._configuration)
        return np.concatenate([model.W, model.b[None], *([] if model.tied else [model.decoder.T])])

    def _flat(self, table: Array) -> Array:
        """The inverse of `_table`."""
        m = self._configuration.m
        return np.concatenate([table[: m + 1].ravel(), table[m + 1 :].T.ravel()])

    def _gather(self, steps: int) -> None:
        """Bring the moving features together: parameters, averages, and the engine's data."""
        m = self._configuration.m
        self._moved = np.ascontiguousarray(self._theta[:, self._moving])
        self._model = Parameters(
            self._moved[:m], self._moved[m], self._moved[m + 1 :].T if self._configuration.untied else None
        )
        self._gradient = np.empty_like(self._moved)
        self._optimiser = self._configuration.optimiser.start_scheduled(self._moved.size, self._configuration.dtype)
        averages = {name: average[:, self._moving].ravel() for name, average in self._averages.items()}
        self._optimiser.restore({**averages, "steps": np.array(steps)})
        self._engine.select(self._moving)

    def _move_only(self, moves: Array) -> None:
        """Let the features move from now on where `moves`, shape (n,), is true, and the others rest."""
        self._spread()
        steps, moved = self._optimiser.steps, self._moves()
        waking, asleep = np.flatnonzero(moves & ~moved), np.flatnonzero(moved & ~moves)
        self._theta[:, waking] = self._up_to_date(self._theta, waking)
        for name, average in self._averages.items():
            average[:, waking] = self._up_to_date(average, waking, name)
        self._since_log[asleep], self._since[asleep] = self._log, steps
        self._moving, self._resting = np.flatnonzero(moves), np.flatnonzero(~moves)
        if not len(self._resting):
            self._log = 0.0
        self._gather(steps)

    def _moves(self) -> Array:
        """Which of all features move, shape (n,): a copy."""
        moves = np.zeros(self._configuration.n, bool)
        moves[self._moving] = True
        return moves

    def _spread(self) -> None:
        """Write the moving features into the tables of all."""
        self._theta[:, self._moving] = self._moved
        state = self._optimiser.state()
        for name, average in self._averages.items():
            average[:, self._moving] = state[name].reshape(self._moved.shape)

    def _up_to_date(self, table: Array, features: Array, name: str = "", log: float | None = None) -> Array:
        """The columns of features at rest, multiplied by what the steps since have made of them."""
        if name:
            steps = self._optimiser.steps - self._since[features]
            found = (table[:, features] * self._fading[name] ** steps.astype(np.float64)).astype(table.dtype)
            clear_subnormals(found)
            return found
        log = self._log if log is None else log
        return (table[:, features] * np.exp(log - self._since_log[features])).astype(table.dtype)

    def evaluate(self, step: int) -> tuple[float, Array]:
        """L and its gradient in the moving features, a row per parameter."""
        loss, found = self._engine.value_and_gradient(self._model)
        if len(self._resting) and not self._distance() < self._room:
            self._wake()
            loss, found = self._engine.value_and_gradient(self._model)
        m, gradient = self._configuration.m, self._gradient
        gradient[:m], gradient[m] = found.W, found.b
        if not found.tied:
            gradient[m + 1 :] = found.decoder.T
        return loss, gradient.ravel()

    def _look(self, latent: Array, steps: int) -> Array:
        """How far the latent vectors may go from here, in any coordinate, before each feature at rest may be on."""
        self._latent, self._looked = latent, steps
        room = self._rooms(self._resting)
        self._room = room.min(initial=np.inf)
        return room

    def _rooms(self, features: Array) -> Array:
        m = self._configuration.m
        P = self._theta.take(features, axis=1)
        if len(P) > m + 1:
            P = np.concatenate([P[m + 1 :], P[m : m + 1]])
        reach = np.maximum(np.abs(P[:m]).sum(axis=0), np.finfo(P.dtype).tiny)
        with np.errstate(over="ignore"):  # a feature without a direction has any room
            return np.asarray(distance_off(self._latent, P) / reach)

    def _distance(self) -> float:
        """max_t |h_t - h⁰_t|_∞ since the last look."""
        difference = self._engine.latent - self._latent
        return float(np.abs(difference, out=difference).max())

    def _pace(self) -> float:
        """How far the latent vectors have gone per step since the last look."""
        return self._distance() / max(self._optimiser.steps - self._looked, 1)

    def _wake(self) -> None:
        """Let features move that are on, or may be soon."""
        pace = self._pace()
        room = self._look(self._engine.latent, self._optimiser.steps)
        waking = self._resting[~((room > 0) & (room >= _WAKE * pace))]
        if len(waking):
            moving, moved, log = self._before
            rested = np.setdiff1d(waking, moving, assume_unique=True)
            moved = np.concatenate([moved, self._up_to_date(self._theta, rested, log=log)], axis=1)
            self._before = (np.concatenate([moving, rested]), moved, log)
            moves = self._moves()
            moves[waking] = True
            self._move_only(moves)
            self._look(self._latent, self._looked)

    def update(self, gradient: Array, learning_rate: float) -> None:
        """One step of the optimiser; now and then, a look for features that have come to rest."""
        self._before = (self._moving, self._moved.copy(), self._log)
        decay = self._optimiser.decay(learning_rate)
        self._optimiser.update(self._moved.reshape(-1), gradient, learning_rate)
        if len(self._resting):
            self._log += math.log(decay)
        if self._optimiser.steps % _REST_EVERY == 0:
            self._rest()

    def _rest(self) -> None:
        """Look how far the features at rest are from being on; let others rest, if there are enough to be worth it."""
        if not self._optimiser.decay(self._configuration.optimiser.learning_rate) > _LEAST_DECAY:
            return
        pace = self._pace()
        self._latent, self._looked = self._engine.latent, self._optimiser.steps
        still = self._optimiser.at_rest().reshape(self._moved.shape).all(axis=0) & self._without_data[self._moving]
        if self._are_worth_it(still):
            self._spread()
            room = self._rooms(self._moving[still])
            still[still] = (room > 0) & (room >= _REST * pace)
            if self._are_worth_it(still):
                moves = self._moves()
                moves[self._moving[still]] = False
                self._move_only(moves)
        self._look(self._latent, self._looked)

    def _are_worth_it(self, still: Array) -> bool:
        """Whether so many of the moving features may rest that the others are worth gathering anew."""
        return bool(_WORTH * np.count_nonzero(still) >= len(self._moving))

    def revert(self) -> None:
        """Take the parameters back to where they were before the last update."""
        moving, moved, log = self._before
        resting = np.setdiff1d(self._resting, moving)
        before = self._up_to_date(self._theta, resting, log=log)
        self._move_only(np.ones(self._configuration.n, bool))
        self._moved[:, resting] = before
        self._moved[:, moving] = moved

    def parameters(self) -> Array:
        """The parameters, flat."""
        table = self._theta.copy()
        table[:, self._moving] = self._moved
        table[:, self._resting] = self._up_to_date(self._theta, self._resting)
        return self._flat(table)

    def optimiser_state(self) -> dict[str, Array]:
        """The averages."""
        state = self._optimiser.state()
        found = {"steps": state["steps"]}
        for name, average in self._averages.items():
            table = average.copy()
            table[:, self._moving] = state[name].reshape(self._moved.shape)
            table[:, self._resting] = self._up_to_date(average, self._resting, name)
            found[name] = self._flat(table)
        return found

    def engine_state(self) -> dict[str, Array]:
        """The engine's own state, what is at rest since when, and the last look, from which the next counts."""
        state = self._engine.state()
        if self._looked:
            rest = {
                "features": self._resting,
                "parameters": self._theta[:, self._resting],
                "log": np.array(self._log),
                "since_log": self._since_log[self._resting],
                "since": self._since[self._resting],
                "latent": self._latent,
                "looked": np.array(self._looked),
                **{name: average[:, self._resting] for name, average in self._averages.items()},
            }
            state |= {_KEY + name: np.array(array) for name, array in rest.items()}
        return state
