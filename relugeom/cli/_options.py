"""The grammar of the command line: every option that more than one command has, with one name and one meaning.

--n/--features and --m/--latent are sizes, --seed fixes all random numbers, --seeds is a count, --index says which one,
-j/--jobs or --executor say who works, -o/--output names what is written, --resume goes on with it.
"""

from __future__ import annotations

import argparse
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from relugeom.cli._models import add_transpose
from relugeom.errors import ArgumentError

if TYPE_CHECKING:
    from relugeom.autoencoder.independent import Independent
    from relugeom.optim import Optimiser
    from relugeom.training.configuration import Configuration
    from relugeom.training.many_models import AxialTraining
    from relugeom.training.toy_models import ToyTraining

__all__ = [
    "BIAS_COORDINATES", "DATA", "DTYPES", "ENGINES", "INITIALISATIONS", "MANY_BIAS_COORDINATES",
    "MANY_INITIALISATIONS", "OPTIMISERS", "SCHEDULES", "Place", "add_constants", "add_csv", "add_figures",
    "add_film", "add_index", "add_json", "add_law", "add_optimiser", "add_output", "add_paths", "add_resume",
    "add_schedule", "add_seed", "add_seeds", "add_settings", "add_size", "add_steps", "add_time_limit",
    "add_training", "add_workers", "check_film", "check_momentum", "check_no_law", "check_resume", "configuration_from",
    "executor_from", "fraction", "given_settings", "groups", "importances", "law_from", "nonempty_path", "numbers",
    "optimiser_from", "positive_float", "positive_float_or_zero", "positive_int", "training_from", "whole_number",
]  # fmt: skip

# The closed sets of the library, in words of their own so that --help need not import it; a test compares the two.
OPTIMISERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "constant")
DTYPES = ("float32", "float64")
ENGINES = ("blocked", "hull", "moments", "tree", "lazy", "cuda")
DATA = ("sparse", "axial", "fresh", "file")
INITIALISATIONS = ("xavier", "normal", "small", "file", "memorising")
MANY_INITIALISATIONS = ("xavier", "normal", "small", "circle")
BIAS_COORDINATES = ("plain", "centred")
MANY_BIAS_COORDINATES = ("plain", "centred", "none")


# ---------------------------------------------------------------------------------------------------------
# Numbers.


def positive_int(text: str) -> int:
    """A positive whole number."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a positive whole number; got {text}")
    return int(text)


def whole_number(text: str) -> int:
    """A whole number, 0 included."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number that is not negative; got {text}")
    return int(text)


def positive_float(text: str) -> float:
    """A positive finite number."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number; got {text}")
    return value


def positive_float_or_zero(text: str) -> float:
    """A finite number that is not negative."""
    return 0.0 if text.strip() in ("0", "0.0") else positive_float(text)


def nonempty_path(text: str) -> Path:
    """A path; an empty one is no name for the folder one is in."""
    if not text:
        raise argparse.ArgumentTypeError("a path must not be empty")
    return Path(text)


def fraction(text: str) -> Fraction:
    """A fraction or a decimal number, exactly."""
    # A power of ten with a long exponent would be written out.
    exponent = re.search(r"[eE][+-]?(\d+)", text)
    try:
        if len(text) > 200 or (exponent and int(exponent[1]) > 200):
            raise ValueError
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"must be a fraction or a decimal number; got {text:.60}") from None


def numbers(text: str) -> list[int]:
    """Whole numbers, as in ``3..10`` or ``5,8,16``."""
    first, dots, last = text.partition("..")
    if dots:
        low, high = positive_int(first), positive_int(last)
        if high < low:
            raise argparse.ArgumentTypeError(f"must be a range that goes up; got {text}")
        if high - low >= 10_000:
            raise argparse.ArgumentTypeError(f"must name at most 10,000 numbers; got {text}")
        return list(range(low, high + 1))
    return [positive_int(part) for part in text.split(",")]


def groups(text: str) -> list[tuple[int, ...]]:
    """Groups of features, as in ``0-1,2-3-4``."""
    found = []
    for part in text.split(","):
        members = part.split("-")
        if len(members) < 2 or not all(member.isdecimal() for member in members):
            raise argparse.ArgumentTypeError(f"must be groups of features such as 0-1,2-3-4; got {text}")
        found.append(tuple(map(int, members)))
    return found


def importances(text: str) -> list[float]:
    """One number R, for Rⁱ, or a number for each feature."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = [-1.0]
    if not all(0 <= value < float("inf") for value in found):
        raise argparse.ArgumentTypeError(
            f"must be a number R, for R to the power i, or one for each feature, none of them negative; got {text}"
        )
    return found


# ---------------------------------------------------------------------------------------------------------
# What every command may have.

Place = argparse.ArgumentParser | argparse._ArgumentGroup
"""Where an argument can be declared."""


def add_paths(parser: Place, models: str = "") -> None:
    """Where the conjectures are; and models, where they are taken too."""
    also = f"models ({models}), and " if models else ""
    parser.add_argument(
        "paths", nargs="*", type=nonempty_path, metavar="PATH",
        help=f"{also}files or folders of conjectures; without any, the claims that come with relugeom",
    )  # fmt: skip
    parser.add_argument("--full", action="store_true", help="run slow conjectures whole instead of a sample")


def add_time_limit(parser: Place) -> None:
    """How long a conjecture may take."""
    parser.add_argument(
        "--time-limit", type=positive_float, metavar="S", help="seconds for each conjecture, instead of its own"
    )


def add_size(parser: Place, n: int | None = None, m: int | None = 2, *, several: bool = False) -> None:
    """Features and latent dimensions; `several` takes ranges of features."""
    text = "features: 7, 3..10 or 5,8" if several else "features"
    parser.add_argument(
        "--n", "--features", dest="n", type=numbers if several else positive_int, metavar="N",
        default=[n] if several else n, help=text + (f" (default {n})" if n is not None else ""),
    )  # fmt: skip
    parser.add_argument(
        "--m", "--latent", dest="m", type=positive_int, metavar="M", default=m,
        help="latent dimensions" + (f" (default {m})" if m is not None else ""),
    )  # fmt: skip


def add_csv(parser: Place, what: str) -> None:
    """The results as a table for other programs."""
    parser.add_argument("--csv", type=nonempty_path, metavar="FILE", help=f"write {what} as CSV")


def add_figures(parser: Place, what: str, *, default: str = "") -> None:
    """Pictures of the results."""
    told = f" (default {default})" if default else ""
    parser.add_argument("--figures", type=nonempty_path, metavar="DIR", help=f"draw {what} into DIR, as SVG{told}")


def check_results(arguments: argparse.Namespace) -> None:
    """See, before the work, that the files of `add_csv` and `add_figures` can be written."""
    from relugeom.writing import check_writable, make_folder

    if arguments.csv is not None:
        check_writable(arguments.csv)
    if arguments.figures is not None:
        make_folder(arguments.figures)


def add_film(parser: Place) -> None:
    """The training, moment by moment."""
    parser.add_argument(
        "--film", action="store_true", help="also write film.gif and film.html into the DIR of --figures"
    )


def check_film(arguments: argparse.Namespace) -> None:
    """Refuse a film that has no place to go."""
    if arguments.film and arguments.figures is None:
        raise ArgumentError("--film needs --figures DIR, where it is written")


def add_seed(parser: Place) -> None:
    """What fixes all random numbers."""
    parser.add_argument(
        "--seed", type=whole_number, default=0, metavar="N", help="fixes all random numbers (default 0)"
    )


def add_seeds(parser: Place, count: int, what: str) -> None:
    """How many."""
    parser.add_argument("--seeds", type=positive_int, default=count, metavar="N", help=f"{what} (default {count})")


def add_index(parser: Place, what: str) -> None:
    """Which one."""
    parser.add_argument("--index", type=whole_number, default=0, metavar="K", help=f"{what}, from 0 (default 0)")


def add_steps(parser: Place, count: int) -> None:
    """How long training goes on."""
    parser.add_argument(
        "--steps", type=positive_int, default=count, metavar="K", help=f"training steps (default {count})"
    )


def add_workers(parser: Place) -> None:
    """Who works."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("-j", "--jobs", type=positive_int, metavar="N", help="worker processes; results stay the same")
    group.add_argument("--executor", metavar="ADDRESS", help="processes://N or dask://host:port, instead of --jobs")


def executor_from(arguments: argparse.Namespace) -> str | None:
    """The executor that `add_workers` was told of."""
    if arguments.executor is not None:
        return str(arguments.executor)
    return f"processes://{arguments.jobs}" if arguments.jobs is not None and arguments.jobs > 1 else None


def add_output(parser: Place, what: str, *, default: str | None = None, metavar: str = "FILE", **more: Any) -> None:
    """What is written, and where."""
    told = f"{what} (default {default})" if default else what
    parser.add_argument(
        "-o", "--output", type=Path, metavar=metavar, default=Path(default) if default else None, help=told, **more
    )


def add_resume(parser: Place, what: str) -> None:
    """Going on with what was written before."""
    parser.add_argument("--resume", action="store_true", help=f"go on with {what}, if it exists already")


def check_resume(path: Path | None, arguments: argparse.Namespace, *, what: str = "--output") -> None:
    """Refuse to go on unasked with the results in `path`, and to go on with nothing."""
    if path is None:
        if arguments.resume:
            raise ArgumentError(f"--resume needs {what}, which says what to go on with")
    elif path.exists() and not arguments.resume:
        raise ArgumentError(f"{path} exists; add --resume to go on with it")


def add_json(parser: Place, more: str = "") -> None:
    """The form for programs."""
    parser.add_argument("--json", action="store_true", help=f"print one JSON object{more}")


# ---------------------------------------------------------------------------------------------------------
# Optimisers.


def add_schedule(parser: Place, default: str) -> None:
    """The learning rate over the steps."""
    parser.add_argument(
        "--schedule", choices=SCHEDULES, default=default, help=f"of the learning rate (default {default})"
    )
    parser.add_argument(
        "--warmup", type=whole_number, default=0, metavar="K", help="steps in which it rises to its peak (default 0)"
    )


def add_constants(parser: Place) -> None:
    """Weight decay and momentum."""
    parser.add_argument(
        "--weight-decay", type=float, default=0.0, metavar="X", help="default 0, with which adamw is Adam"
    )
    parser.add_argument("--momentum", type=float, default=0.0, metavar="X", help="of sgd (default 0)")


def add_optimiser(parser: Place) -> None:
    """One optimiser with its constants."""
    parser.add_argument("--optimiser", choices=OPTIMISERS, default="adamw", help="default adamw")
    parser.add_argument("--learning-rate", type=float, metavar="X", help="default 0.001; 0.1 for sgd")
    add_constants(parser)


def optimiser_from(arguments: argparse.Namespace, name: str | None = None, rate: float | None = None) -> Optimiser:
    """The optimiser that the arguments describe; `name` and `rate` where there are several."""
    from relugeom.optim import optimiser_of_name

    if name is None:
        name = arguments.optimiser
        check_momentum(arguments.momentum, name)
    rate = arguments.learning_rate if rate is None else rate
    given = {} if rate is None else {"learning_rate": rate}
    return optimiser_of_name(name, momentum=arguments.momentum, weight_decay=arguments.weight_decay, **given)


# ---------------------------------------------------------------------------------------------------------
# The data of Toy Models of Superposition: toy, atlas, census, trace, inspect.

_LAW = ("importance", "correlated", "anticorrelated", "values", "at_most")


def add_law(parser: Place) -> None:
    """Importance, groups and values of independent features; None where not given."""
    parser.add_argument(
        "--importance", type=importances, metavar="R",
        help="of independent features: feature i weighs Rⁱ in the loss, or a list: 1,0.9,0.5 (1)",
    )  # fmt: skip
    parser.add_argument(
        "--correlated", type=groups, metavar="I-J", help="of them: groups present together, as in 0-1,2-3-4"
    )
    parser.add_argument("--anticorrelated", type=groups, metavar="I-J", help="groups of which at most one is present")
    parser.add_argument("--values", choices=("uniform", "one"), help="of a feature that is present (uniform)")
    parser.add_argument(
        "--at-most", type=whole_number, metavar="K",
        help="leave sets of more active features out of exact losses (default: none, for n up to 10)",
    )  # fmt: skip


def law_from(arguments: argparse.Namespace, n: int, sparsity: float) -> Independent:
    """The law of n independent features that the arguments describe."""
    from relugeom.autoencoder.independent import Independent

    given = arguments.importance
    if given is not None:
        given = [given[0] ** i for i in range(n)] if len(given) == 1 else given
    return Independent(
        n, sparsity, given, arguments.correlated or (), arguments.anticorrelated or (), arguments.values or "uniform",
        arguments.at_most,
    )  # fmt: skip


def check_no_law(arguments: argparse.Namespace, *more: str) -> None:
    """Refuse the options of independent features for other data."""
    for name in (*_LAW, *more):
        if getattr(arguments, name) is not None:
            option = "--" + name.replace("_", "-")
            raise ArgumentError(f"{option} is for --data independent; got --data {arguments.data}")


# ---------------------------------------------------------------------------------------------------------
# Many small models: atlas, census, trace.


def add_training(parser: Place) -> None:
    """Data set, optimiser, initialisation, seed."""
    parser.add_argument(
        "--data", choices=("identity", "uniform", "grid", "independent"), default="identity",
        help="amplitudes of the examples a·e_i: 1 alone (X = I), uniform on (0, 1], or 1/4, 1/2, 3/4, 1; or "
        "independent features, with fresh examples every step",
    )  # fmt: skip
    law = parser.add_argument_group("independent features", "for --data independent")
    law.add_argument("--sparsity", type=float, metavar="S", help="S = P(x_i = 0) (0.9)")
    add_law(law)
    law.add_argument("--batch", type=positive_int, metavar="B", help="examples of every step (1024)")
    add_optimiser(parser)
    add_steps(parser, 25_000)
    parser.add_argument(
        "--initialisation", choices=MANY_INITIALISATIONS, default="xavier",
        help="of W; b starts at 0. small: Xavier times 1/1000; circle: equal norms, b = 1 − norm² (default xavier)",
    )  # fmt: skip
    parser.add_argument("--init-scale", type=float, metavar="X", help="of W (default 1; 0.001 for small, 4 for circle)")
    parser.add_argument(
        "--bias-coordinate", choices=MANY_BIAS_COORDINATES, default="plain",
        help="train b, or c in b = c − norm² (centred), or models without a bias (none) (default plain)",
    )  # fmt: skip
    add_schedule(parser, "constant")
    add_seed(parser)


def training_from(arguments: argparse.Namespace, n: int) -> AxialTraining | ToyTraining:
    """The training that the arguments describe, for n features, on the axes or of independent features."""
    from relugeom.autoencoder.axial import Axial, AxialData, UniformAxial
    from relugeom.training.many_models import AxialTraining

    if arguments.data == "independent":
        return _toy_training_from(arguments, n)
    check_no_law(arguments, "sparsity", "batch")
    data: dict[str, AxialData] = {
        "identity": Axial(n),
        "uniform": UniformAxial(n),
        "grid": Axial(n, (0.25, 0.5, 0.75, 1.0)),
    }
    return AxialTraining(
        data[arguments.data],
        m=arguments.m,
        optimiser=optimiser_from(arguments),
        steps=arguments.steps,
        initialisation=arguments.initialisation,
        init_scale=arguments.init_scale,
        bias_coordinate=arguments.bias_coordinate,
        schedule=arguments.schedule,
        warmup=arguments.warmup,
    )


def _toy_training_from(arguments: argparse.Namespace, n: int) -> ToyTraining:
    from relugeom.training.toy_models import ToyTraining

    for name, only in (("initialisation", "xavier"), ("bias_coordinate", "plain")):
        if getattr(arguments, name) != only:
            option = "--" + name.replace("_", "-")
            raise ArgumentError(f"{option} must be {only} for --data independent; got {getattr(arguments, name)}")
    return ToyTraining(
        [law_from(arguments, n, 0.9 if arguments.sparsity is None else arguments.sparsity)],
        m=arguments.m,
        batch=arguments.batch or 1024,
        steps=arguments.steps,
        optimiser=optimiser_from(arguments),
        schedule=arguments.schedule,
        warmup=arguments.warmup,
        init_scale=arguments.init_scale,
    )


# ---------------------------------------------------------------------------------------------------------
# The paper's experiment: train, sweep.


class _Setting(NamedTuple):
    """An option that sets a field of the configuration; the default is the configuration's own."""

    names: tuple[str, ...]
    field: str
    kind: Any
    help: str
    choices: tuple[str, ...] | None = None


_SETTINGS = (
    _Setting(("--n", "--features"), "n", positive_int, "features (10000)"),
    _Setting(("--m", "--latent"), "m", positive_int, "latent dimensions (2)"),
    _Setting(("--sparsity",), "S", float, "S = P(x_i = 0) (0.999)"),
    _Setting(("--data",), "data", str, "fresh: new examples every step (sparse)", DATA),
    _Setting(("--data-file",), "data_path", str, "examples, for --data file"),
    _Setting(("--data-seed",), "data_seed", whole_number, "seed of the examples (0)"),
    _Setting(("--seed",), "seed", whole_number, "seed of the initialisation (0)"),
    _Setting(("--steps",), "steps", int, "training steps (50000)"),
    _Setting(("--optimiser",), "optimiser", str, "(adamw)", OPTIMISERS),
    _Setting(("--learning-rate",), "learning_rate", float, "its peak (0.001)"),
    _Setting(("--warmup",), "warmup", int, "steps in which the learning rate rises to its peak (2500)"),
    _Setting(("--schedule",), "schedule", str, "of the learning rate after that (cosine)", SCHEDULES),
    _Setting(("--weight-decay",), "weight_decay", float, "(0.01)"),
    _Setting(("--momentum",), "momentum", float, "of sgd (0)"),
    _Setting(
        ("--initialisation",), "initialisation", str, "of W; b starts at 0, small: at means (xavier)", INITIALISATIONS
    ),
    _Setting(
        ("--init-scale",), "init_scale", float, "standard deviation of --initialisation normal, or times Xavier (0.01)"
    ),
    _Setting(
        ("--bias-coordinate",),
        "bias_coordinate",
        str,
        "centred: train outputs at largest examples (plain)",
        BIAS_COORDINATES,
    ),
    _Setting(("--growth",), "growth", float, "make latent vectors grow to X times the least of a T-gon (0: no)"),
    _Setting(("--dtype",), "dtype", str, "(float32)", DTYPES),
    _Setting(("--engine",), "engine", str, "by default chosen by size (relugeom doctor)", ENGINES),
    _Setting(("--init-file",), "init_path", str, "a checkpoint or model file, for --initialisation file"),
    _Setting(("--instance",), "init_instance", int, "which model of --init-file, where it holds several, from 0"),
)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The options that `train` and `sweep` share; absent unless given."""
    group = parser.add_argument_group("settings", "defaults in parentheses: the paper's")
    for setting in _SETTINGS:
        group.add_argument(
            *setting.names, dest=setting.field, type=setting.kind, default=argparse.SUPPRESS, help=setting.help,
            choices=setting.choices, metavar=None if setting.choices else "X",
        )  # fmt: skip
    add_transpose(group, dest="init_transpose", default=argparse.SUPPRESS)
    group.add_argument("--untied", action="store_true", default=argparse.SUPPRESS, help="train a decoder R of its own")


def given_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Those of the shared options that were given, by field; "engine" still by name."""
    fields = [setting.field for setting in _SETTINGS] + ["init_transpose", "untied"]
    return {field: getattr(arguments, field) for field in fields if hasattr(arguments, field)}


def configuration_from(settings: dict[str, Any], T: int, processes: int = 1) -> Configuration:
    """The configuration of T examples with these settings."""
    from relugeom.optim import optimiser_of_name
    from relugeom.training.configuration import PAPER, Configuration

    # The paper's learning rate and weight decay are the usual ones of every optimiser here.
    usual = {"learning_rate": PAPER.learning_rate, "weight_decay": PAPER.weight_decay, "momentum": 0.0}
    given = {"engine": "auto", "optimiser": PAPER.name, **usual, **settings}
    engine, name = given.pop("engine"), given.pop("optimiser")
    constants = {constant: given.pop(constant) for constant in usual}
    check_momentum(constants["momentum"], name)
    return Configuration(T=T, optimiser=optimiser_of_name(name, **constants), **given).with_engine(engine, processes)


def check_momentum(momentum: float, *optimisers: str) -> None:
    """Refuse momentum where no optimiser has one."""
    if momentum and "sgd" not in optimisers:
        raise ArgumentError(f"--momentum is for the optimiser sgd; got {', '.join(optimisers)}")
