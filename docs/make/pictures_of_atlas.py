"""Draw the pictures of docs/atlas.md: python docs/make/pictures_of_atlas.py"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from relugeom.autoencoder import Axial
from relugeom.exact import CriticalPoint
from relugeom.figures import render
from relugeom.figures.landscape import chaos, columns, course
from relugeom.landscape.certifying import stored_certificates
from relugeom.studies.atlases import AtlasGroup, atlas
from relugeom.studies.resampling import chaos_map
from relugeom.studies.traces import trace
from relugeom.training.many_models import AxialTraining

HERE = Path(__file__).parent.parent / "img"


def panel(n: int, entry: AtlasGroup) -> tuple[str, np.ndarray]:
    nature = "zero loss" if entry.nature == "global minimum" else f"{entry.nature}, {entry.loss:.2f}"
    return f"n = {n}: {100 * entry.count / entry.seeds:g} %\n{nature}", entry.example.W


groups = []
for n in range(3, 11):
    commonest = [panel(n, entry) for entry in atlas(AxialTraining(Axial(n)), 200)[:4]]
    groups += [*commonest, *[None] * (4 - len(commonest))]
with Image.open(io.BytesIO(render(columns(groups), "png"))) as picture:
    small = picture.convert("RGB").resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
small.quantize(128, dither=Image.Dither.NONE).save(HERE / "atlas.png", optimize=True)

spurious = [
    (name, c)
    for name, c in stored_certificates().items()
    if isinstance(c, CriticalPoint) and c.better_encoder is not None and name.startswith("uniform")
]
panels = [(f"{name[8:10]}\nloss {len(c.bias) * float(c.low):.4f}", np.array(c.encoder, float)) for name, c in spurious]
(HERE / "spurious.svg").write_bytes(render(columns(panels)))
(HERE / "trace.svg").write_bytes(render(course(trace(AxialTraining(Axial(7)), 3))))
rates, moves = np.geomspace(1e-3, 1e-1, 32), np.linspace(-0.05, 0.05, 64)
(HERE / "chaos.png").write_bytes(render(chaos(chaos_map(7, rates, moves, steps=3000), rates, moves), "png"))
