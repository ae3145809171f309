"""The atlas: which critical points training finds on one data set, how often, and what each of them is.

Train many seeds, polish each to the critical point next to it, group the points up to rotation, reflection and
renaming, describe one of each group, and certify those that can be certified. A point with a certificate that
says *strict local minimum* and names a model of lower loss is a proven spurious minimum. The comparison model is
the lowest point found or a regular polygon.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import AxialData, is_identity
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters, loss
from relugeom.autoencoder.parameters import as_double
from relugeom.errors import ArgumentError, KinkError
from relugeom.exact.certificates import CriticalPoint
from relugeom.executors import ExecutorLike
from relugeom.landscape.certifying import certify
from relugeom.landscape.curvatures import inertia
from relugeom.landscape.families.polygons import polished_polygons
from relugeom.landscape.kinds import Kind, kind
from relugeom.landscape.kinks import one_sided
from relugeom.landscape.polishing import Polished, Status, polish
from relugeom.landscape.sizes import loss_of_nothing, of_usual_size
from relugeom.landscape.symmetry import groups, invariants
from relugeom.progress import OnProgress
from relugeom.records import Rows
from relugeom.statistics import Interval, wilson_interval
from relugeom.training.many_models import AxialTraining, train_many
from relugeom.training.recipes import check_size, check_whole
from relugeom.training.toy_models import ToyTraining, train_toy_models

__all__ = ["Atlas", "AtlasGroup", "atlas", "data_of", "polish_models", "zero_loss"]

_CONTINUUM = 1e-10  # Σ-loss below this is zero loss, whose minima form a continuum on X = I
_LEVEL = 0.95
_ZERO = 1e-3  # of the Σ-loss, as in the census


@dataclass(frozen=True, slots=True, eq=False)
class AtlasGroup:
    """One group of critical points.

    Attributes
    ----------
    count, seeds : int
        So many of so many seeds ended here.
    interval : (float, float)
        Wilson's interval at 95 % for that share.
    loss : float
        Summed over the axes and averaged over the amplitudes: n times the mean over examples. Of independent features
        the mean itself.
    nature : str
        In the words of `relugeom.landscape.natures`: "global minimum" (at zero loss), "strict minimum" (modulo
        rotation), "saddle", "flat" (no negative curvature, zeros beyond rotation), "on a kink: " with what the
        one-sided analysis says, "drifting", "not critical", "diverged".
    inertia : tuple of int, or None
        Positive, negative and zero curvatures modulo rotation; None on kinks.
    kind : Kind
    example : Parameters
        The first of the group.
    index : int
        Which of the seeds it is.
    certificate : CriticalPoint or None
    """

    count: int
    seeds: int
    interval: Interval
    loss: float
    nature: str
    inertia: tuple[int, int, int] | None
    kind: Kind
    example: Parameters
    index: int
    certificate: CriticalPoint | None

    def record(self) -> dict[str, Any]:
        """The entry as one row of a table."""
        signs = self.inertia or (None, None, None)
        return {
            "count": self.count, "seeds": self.seeds, "low": self.interval[0], "high": self.interval[1],
            "loss": self.loss, "nature": self.nature, "up": signs[0], "down": signs[1], "level": signs[2],
            "type": self.kind.type, "index": self.index, "certified": self.certificate is not None,
            "spurious": self.is_spurious,
        }  # fmt: skip

    @property
    def is_spurious(self) -> bool:
        """Whether a certificate proves a strict local minimum and a model of lower loss."""
        c = self.certificate
        return c is not None and c.negative == 0 and c.better_encoder is not None


class Atlas(Rows[AtlasGroup]):
    """The groups, commonest first, and how many seeds are at zero loss.

    Attributes
    ----------
    seeds : int
    after_training, after_polishing : int
        Seeds with a loss below 1e-3, summed over the axes (for independent features, below a thousandth of the loss of
        answering nothing), when training stopped and after Newton's method: polishing
        finishes what training had not, so the second is the larger one.
    """

    def __init__(
        self,
        entries: Iterable[AtlasGroup],
        seeds: int,
        after_training: int,
        after_polishing: int,
        zero: str = "Σ < 1e-3",
    ) -> None:
        super().__init__(entries)
        self.seeds, self.after_training, self.after_polishing = seeds, after_training, after_polishing
        self._zero = zero

    def caption(self) -> str:
        """Both counts."""
        return (
            f"{len(self)} kinds of critical points; zero loss ({self._zero}): {self.after_training} of {self.seeds} "
            f"after training, {self.after_polishing} after polishing"
        )


def atlas(
    training: AxialTraining | ToyTraining,
    seeds: int,
    *,
    seed: int = 0,
    executor: ExecutorLike = None,
    escapes: int = 0,
    certificates: bool = True,
    progress: OnProgress | None = None,
) -> Atlas:
    """The critical points that training finds, commonest first, each described and certified where that succeeds.

    Parameters
    ----------
    training : AxialTraining or ToyTraining
        The latter of one law of independent features.
    seeds : int
    seed : int
    executor : None, Executor, "processes://N" or "dask://host:port"
    escapes : int
        Passed on to `polish`: 0 keeps what the optimiser found.
    certificates : bool
        Whether to try to certify every smooth group.
    progress : callable, optional
        Called with the blocks that are trained (`relugeom.progress`).

    Returns
    -------
    Atlas
        The groups, commonest first, and how many seeds reach zero loss before and after polishing.

    See Also
    --------
    relugeom.studies.census, relugeom.studies.toy_models
    """
    data = data_of(training)
    check_size("seeds", seeds, 1)
    check_whole("seed", seed, 0)
    check_size("escapes", escapes, 0)
    if isinstance(training, ToyTraining):
        several = replace(training, laws=tuple(training.laws[:1]) * seeds)
        trained = train_toy_models(several, seed=seed, executor=executor, progress=progress)
    else:
        trained = training.parameters_of(train_many(training, seeds, seed=seed, executor=executor, progress=progress))
    found = polish_models(trained, data, escapes=escapes)
    usual = _usual(data)
    zero = zero_loss(data)
    with np.errstate(over="ignore", invalid="ignore"):
        before = data.T * np.asarray(loss(as_double(trained), data))
    labels = _labels(found, data)
    order = [int(np.flatnonzero(labels == label)[0]) for label in range(labels.max() + 1)]
    lowest, least = _lowest(found, data)
    entries = []
    for label, first in enumerate(order):
        model = found.model(first)
        nature, signs = _nature(model, usual, found, first)
        certificate = None
        if certificates and found.status[first] == Status.SMOOTH and nature in ("strict minimum", "saddle"):
            worse = found.loss[first] > least + 1e-6
            found_one = certify(model, data, lowest if worse else None)
            certificate = found_one if isinstance(found_one, CriticalPoint) else None
        count = int((labels == label).sum())
        entries.append(
            AtlasGroup(
                count, seeds, wilson_interval(count, seeds, _LEVEL), data.T * float(found.loss[first]), nature, signs,
                kind(model, data if isinstance(data, Independent) else None), model, first, certificate,
            )
        )  # fmt: skip
    counts = int((before < zero).sum()), int((data.T * found.loss < zero).sum())
    return Atlas(entries, seeds, *counts, "Σ < 1e-3" if isinstance(data, AxialData) else f"< {zero:.3g}")


def _usual(data: AxialData | Independent) -> AxialData | Independent:
    """The data in their usual size; of independent features the importance alone changes, and no model with it."""
    return cast("AxialData | Independent", of_usual_size(data)[0])


def polish_models(models: Parameters, data: AxialData | Independent, **options: Any) -> Polished:
    """`relugeom.landscape.polishing.polish` with the data in their usual size."""
    usual = _usual(data)
    found = polish(models, usual, **options)
    return found if usual is data else replace(found, loss=np.asarray(loss(Parameters(found.W, found.b), data)))


def data_of(training: AxialTraining | ToyTraining) -> AxialData | Independent:
    """The data that all models of a training share, whose exact loss can be had.

    Raises
    ------
    ArgumentError
        It is no such training, its laws differ, or there are too many sets of active features to sum over.
    """
    if isinstance(training, AxialTraining):
        return training.data
    if not isinstance(training, ToyTraining):
        raise ArgumentError(f"training must be AxialTraining or ToyTraining; got {training!r:.60}")
    if len({repr(law.settings()) for law in training.laws}) > 1:
        raise ArgumentError(f"laws must all be the same here; got {len(training.laws)} that are not")
    training.laws[0].check_summable()
    return training.laws[0]


def zero_loss(data: AxialData | Independent) -> float:
    """What a total loss must be below to count as zero: 1/1000, of the loss of answering nothing if that is less."""
    return _ZERO * (min(1.0, loss_of_nothing(data)) if isinstance(data, Independent) else 1.0)


def _lowest(found: Polished, data: AxialData | Independent) -> tuple[Parameters, float]:
    """The lowest model known: of those found, and in the plane of polygons with the other features null."""
    best = int(np.argmin(np.where(np.isfinite(found.loss), found.loss, np.inf)))
    candidates = [found.model(best)]
    if found.W.shape[1] == 2:
        candidates += polished_polygons(data) if isinstance(data, AxialData) else []
    losses = [float(loss(model, data)) for model in candidates]
    return candidates[int(np.argmin(losses))], min(losses)


def _labels(found: Polished, data: AxialData | Independent) -> npt.NDArray[np.int64]:
    """Groups of equal invariants; on X = I, at zero loss and where nothing converged, of equal type and loss."""
    vectors: Any = invariants(Parameters(found.W, found.b))
    names: dict[tuple[Any, ...], int] = {}
    for s in range(len(vectors)):
        settled = found.status[s] in (Status.SMOOTH, Status.KINK)
        if settled and not is_identity(data) and data.T * found.loss[s] > _CONTINUUM:
            continue
        level = round(data.T * float(found.loss[s]), 5) if settled else found.status[s]
        name = (level, settled, kind(found.model(s)).type if np.isfinite(found.loss[s]) else "")
        vectors[s] = 1e6 + names.setdefault(name, len(names))
    return groups(vectors, 1e-5)


def _nature(
    model: Parameters, data: AxialData | Independent, found: Polished, s: int
) -> tuple[str, tuple[int, int, int] | None]:
    if not np.isfinite(found.loss[s]):
        return "diverged", None
    if data.T * found.loss[s] < _CONTINUUM:
        return "global minimum", None
    status = Status(int(found.status[s]))
    if status == Status.SMOOTH:
        signs = inertia(model, data)
        name = "saddle" if signs.negative else "flat" if signs.zero else "strict minimum"
        return name, (signs.positive, signs.negative, signs.zero)
    if status == Status.KINK:
        try:
            return f"on a kink: {one_sided(model, data).verdict}", None
        except KinkError:
            return "on a kink: undecided", None
    return "drifting" if status == Status.DRIFTING else "not critical", None
