"""Pictures of the landscape: models as their columns, the course of a training, the chaos map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from relugeom.studies.traces import Trace

__all__ = ["chaos", "columns", "course"]

_ROW = 4


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def columns(panels: Sequence[tuple[str, npt.NDArray[Any]] | None]) -> Figure:
    """One panel per model with its title, four per row: the columns of W (2, n) on their circles; None is a gap."""
    rows = -(-len(panels) // _ROW)
    figure = _figure(2.2 * _ROW, 2.4 * rows)
    axes = figure.subplots(rows, _ROW, squeeze=False).ravel()
    for ax in axes:
        ax.axis("off")
    for ax, (title, W) in ((ax, panel) for ax, panel in zip(axes, panels, strict=False) if panel is not None):
        norms = np.linalg.norm(W, axis=0)
        reach = 1.15 * max(float(norms.max()), 1e-9)
        angles = np.linspace(0, 2 * np.pi, 90)
        for radius in np.unique(norms[norms > 1e-3].round(3)):
            ax.plot(radius * np.cos(angles), radius * np.sin(angles), color="0.9", linewidth=0.6)
        for w in W.T:
            ax.plot([0, w[0]], [0, w[1]], color="#2f6db2", linewidth=1)
        ax.plot(W[0], W[1], "o", color="#b2432f", markersize=4, alpha=0.6)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        ax.set_title(title, fontsize=7)
    return figure


def course(record: Trace) -> Figure:
    """A training over its steps: the loss with the parts of each axis, and the norms of the features."""
    figure = _figure(7, 5)
    above, below = figure.subplots(2, 1, sharex=True)
    for i in range(record.W.shape[2]):
        above.plot(record.steps, record.feature_loss[:, i], linewidth=0.8, label=f"axis {i}")
        below.plot(record.steps, np.linalg.norm(record.W[:, :, i], axis=1), linewidth=0.8)
    above.plot(record.steps, record.loss, color="black", linewidth=1.2, label="all")
    above.set(ylabel="loss, summed over axes")
    above.legend(fontsize=6, ncols=2)
    below.set(xlabel="step", ylabel="norm of each feature")
    return figure


def chaos(values: npt.NDArray[Any], learning_rates: npt.NDArray[Any], perturbations: npt.NDArray[Any]) -> Figure:
    """Σ‖w_j‖ after training, shape (learning rates, perturbations), as an image."""
    figure = _figure(5.5, 4)
    ax = figure.subplots()
    image = ax.pcolormesh(perturbations, learning_rates, values, shading="nearest", cmap="viridis")
    ax.set(xlabel="perturbation of two biases", ylabel="learning rate", yscale="log")
    figure.colorbar(image, label="sum of norms")
    return figure
