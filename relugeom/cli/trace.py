"""`relugeom trace`: watch one training, and say when a feature appears or vanishes, or a circle splits."""

from __future__ import annotations

import argparse

from relugeom.cli._models import KINDS, add_model_choice, chosen_model
from relugeom.cli._options import (
    add_figures,
    add_film,
    add_index,
    add_json,
    add_output,
    add_size,
    add_training,
    check_film,
    nonempty_path,
    positive_int,
    training_from,
)
from relugeom.cli._pictures import write_figures, write_film
from relugeom.cli._terminal import paint, print_json
from relugeom.errors import ArgumentError

SUMMARY = "watch one training: loss and features over time, and the moments at which a feature appears or vanishes"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_size(parser, 7)
    add_index(parser, "which of the seeds of atlas")
    add_training(parser)
    parser.add_argument("--every", type=positive_int, default=50, help="steps between records (default 50)")
    parser.add_argument("--rows", type=positive_int, default=12, help="moments shown (default 12)")
    parser.add_argument(
        "--model", type=nonempty_path, metavar="FILE", help=f"start from this model ({KINDS}), of any n"
    )
    add_model_choice(parser)
    add_figures(parser, "the course of the training")
    add_film(parser)
    add_output(parser, "write the whole record as an array file (.npz)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, record, print; 0 always, for whatever happens is an answer."""
    from dataclasses import asdict

    from relugeom.storage import save_arrays
    from relugeom.studies.traces import events, trace
    from relugeom.writing import check_writable, make_folder

    check_film(arguments)
    start = None if arguments.model is None else chosen_model(arguments.model, arguments).model
    if start is not None:
        if start.decoder is not None or (start.b is None and arguments.bias_coordinate != "none"):
            raise ArgumentError("--model must be a tied model with a bias; without one: --bias-coordinate none")
        if arguments.data == "independent":
            raise ArgumentError("--model is for data on the axes; got --data independent")
        arguments.m, arguments.n = start.W.shape
    training = training_from(arguments, arguments.n)
    if arguments.output is not None:
        check_writable(arguments.output)
    if arguments.figures is not None:
        make_folder(arguments.figures)
    record = trace(training, arguments.index, seed=arguments.seed, every=arguments.every, start=start)
    happened = events(record)
    if arguments.output is not None:
        save_arrays(
            arguments.output,
            asdict(record),
            {"kind": "trace", "n": arguments.n, "seed": arguments.seed, "index": arguments.index},
        )
    if arguments.figures is not None:
        from relugeom.figures import film_of_trace
        from relugeom.figures.landscape import course

        write_figures({"trace": course(record)}, arguments.figures)
        if arguments.film:
            write_film(film_of_trace(record), arguments.figures)
    if arguments.json:
        print_json(
            {
                "steps": record.steps.tolist(), "loss": record.loss.tolist(),
                "gradient_norm": record.gradient_norm.tolist(), "feature_loss": record.feature_loss.tolist(),
                "on": record.on.tolist(), "circles": record.circles.tolist(),
                "events": [asdict(event) for event in happened],
            }
        )  # fmt: skip
        return 0
    print("    step total loss   gradient  circles  on")
    last = len(record.steps) - 1
    rows = min(arguments.rows, last + 1)
    for row in sorted({round(k * last / max(rows - 1, 1)) for k in range(rows)}):
        on = "".join("●" if x else "·" for x in record.on[row])
        print(
            f"  {record.steps[row]:6d} {record.loss[row]:10.3e} {record.gradient_norm[row]:10.3e} "
            f"{record.circles[row]:8d}  {on}"
        )
    print(f"\n{paint('What happened', 'bold')}")
    for event in happened:
        who = "circles" if event.feature is None else f"feature {event.feature}"
        print(f"  {event.step:6d}  {who} {event.what}: {event.detail}")
    if not happened:
        print("  nothing that lasts")
    return 0
