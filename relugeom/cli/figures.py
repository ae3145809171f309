"""`relugeom figures [NAME ...]`: draw the pictures, of their own examples or of a model from a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from relugeom.bars import ProgressBar
from relugeom.cli._models import KINDS, add_model_choice, chosen_model
from relugeom.cli._options import add_json, add_output
from relugeom.cli._terminal import indent, paint, print_json
from relugeom.errors import ArgumentError
from relugeom.writing import make_folder, write_atomically

if TYPE_CHECKING:
    from relugeom.figures import Film

SUMMARY = "draw the figures, of their own examples or of your model"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to draw; without any, all of them")
    add_output(parser, "where the pictures go", default="figures", metavar="DIR")
    parser.add_argument("--format", choices=("svg", "png", "pdf"), default="svg", help="default: svg")
    parser.add_argument("--theme", choices=("light", "dark"), default="light", help="default: light")
    parser.add_argument("--model", type=Path, metavar="FILE", help=f"draw this model instead of the examples ({KINDS})")
    add_model_choice(parser)
    parser.add_argument(
        "--film",
        action="store_true",
        help="also write film.gif and film.html, of the recorded training or of the run of --model, a checkpoint",
    )
    parser.add_argument("--list", action="store_true", help="only list the figures")
    parser.add_argument("--gallery", action="store_true", help="only print the gallery in Markdown, as docs/gallery.md")
    add_json(parser)


def _list(as_json: bool) -> int:
    from relugeom.figures import FIGURES

    if as_json:
        rows = [
            {"name": e.name, "title": e.title, "caption": e.caption, "takes_model": e.latent is not None}
            for e in FIGURES.values()
        ]
        print_json({"figures": rows})
        return 0
    for entry in FIGURES.values():
        mark = "" if entry.latent is None else "  (takes --model)"
        print(f"{paint(entry.name, 'bold')}{mark}\n    {indent(entry.caption, 4)}")
    return 0


_GALLERY = """# Gallery

After this page you can draw any of these pictures, of your own model too.

Every picture that `relugeom figures` draws, with the command that draws it. Add `--theme dark` for the dark theme,
`--format png` or `--format pdf` for other files, and `--model FILE` to those that take a model to draw your own (the
kinds of files are in [inspect.md](inspect.md)). This page is written by

```sh
relugeom figures -o docs/gallery --film && rm docs/gallery/film.html
relugeom figures --gallery > docs/gallery.md
```
"""


def _gallery() -> str:
    from relugeom.figures import FIGURES

    parts = [_GALLERY]
    for entry in FIGURES.values():
        command = f"relugeom figures {entry.name}" + ("" if entry.latent is None else " [--model FILE]")
        parts.append(
            f"## {entry.title}\n\n![{entry.title}](gallery/{entry.name}.svg)\n\n{entry.caption}\n\n"
            f"```sh\n{command}\n```\n"
        )
    parts.append(
        "## The training run as a film\n\n![The training run as a film](gallery/film.gif)\n\n"
        "The run of the picture above, moment by moment, with its regions. `film.html` has the same with a slider.\n\n"
        "```sh\nrelugeom figures training --film\n```\n\n"
        "A run of your own is filmed from its checkpoint (`--film --model run.npz`), or where it is made: `relugeom "
        "train` and `relugeom trace` take `--figures DIR --film`.\n"
    )
    return "\n".join(parts)


def _film_of(path: Path) -> Film:
    """The film of a checkpoint's own run."""
    from relugeom.errors import StorageError
    from relugeom.figures import film_of_run
    from relugeom.training.checkpoint import Checkpoint

    try:
        run = Checkpoint.load(path)
    except StorageError as error:
        raise ArgumentError(f"--film films the run of a checkpoint of relugeom train; {error}") from None
    return film_of_run(run)


def run(arguments: argparse.Namespace) -> int:
    """Draw and write; the paths go to stdout."""
    if arguments.gallery:
        print(_gallery(), end="")
        return 0
    if arguments.list:
        return _list(arguments.json)
    from relugeom.figures import FIGURES, THEMES, draw, figures_for, film_files, find_figure, render

    model = None if arguments.model is None else chosen_model(arguments.model, arguments).model
    names = arguments.names or ([*FIGURES] if model is None else figures_for(model))
    if not names and model is not None:
        m, n = model.W.shape
        raise ArgumentError(f"no figure can draw a model with m = {m}, n = {n}")
    for name in names:
        find_figure(name)
    film = _film_of(arguments.model) if arguments.film and arguments.model is not None else None
    theme = THEMES[arguments.theme]
    make_folder(arguments.output)
    progress = ProgressBar("figures")
    progress.start(len(names) + 2 * arguments.film)
    written: list[Path] = []

    def write(path: Path, data: bytes) -> None:
        write_atomically(path, data)
        written.append(path)
        progress.clear()
        if not arguments.json:
            print(path, flush=True)
        progress.advance()

    for name in names:
        picture = draw(name, model, theme)
        write(arguments.output / f"{name}.{arguments.format}", render(picture, arguments.format, theme))
    if arguments.film:
        for file, data in film_files(film, theme=theme).items():
            write(arguments.output / file, data)
    progress.clear()
    if arguments.json:
        print_json({"written": [str(path) for path in written]})
    return 0
