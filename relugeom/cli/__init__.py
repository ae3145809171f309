"""The command line: one module per command, which parses and prints and computes nothing.

Exit status: 0 every verdict was the expected one; 1 some verdict was not, or a certificate is invalid; 2 wrong
usage, a file that cannot be read as what it claims to be, or an output that cannot be written or that nobody reads;
70 an internal error; 130 interrupted. So 1 always means "no", never that something went wrong on the way to an answer.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence

from relugeom._version import __version__
from relugeom.cli._parser import Parser
from relugeom.errors import ArgumentError, RelugeomError, StorageError
from relugeom.text import printable

__all__ = ["COMMANDS", "build_parser", "main"]

# Each is a module of this package with SUMMARY, configure(parser) and run(arguments) -> exit status.
COMMANDS = (
    "verify", "inspect", "explain", "check", "report", "capacity", "search", "train", "sweep", "memorise", "toy",
    "atlas", "census", "cure", "trace", "figures", "explorer", "doctor", "bench",
)  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """The parser with all sub-commands."""
    parser = Parser(
        prog="relugeom",
        epilog="exit status: 0 all as expected; 1 a verdict was not as expected, or a certificate is invalid; "
        "2 wrong usage, or a file that cannot be read or written; 70 an internal error, which is ours to mend; "
        "130 interrupted, with the work so far saved",
        description="What does the tied ReLU autoencoder x' = ReLU(WᵀWx + b) give back, and what does training find?",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("-v", "--verbose", action="store_true", help="with --version: the commit and the libraries too")
    parser.add_argument(
        "--print-completion", choices=("bash", "zsh", "tcsh"),
        help="print a script that completes commands and options in this shell (needs the package shtab)",
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"relugeom.cli.{name}")
        sub = commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        sub.add_argument("--debug", action="store_true", help="show tracebacks")
        module.configure(sub)
        sub.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character, or a file name that is no text, is no reason to stop.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.print_completion is not None:
        arguments.command, arguments.debug = "--print-completion", False
        arguments.run = lambda _: _print_completion(parser, arguments.print_completion)
    elif arguments.version:
        arguments.command, arguments.debug = "--version", False
        arguments.run = lambda _: _print_version(arguments.verbose)
    elif arguments.command is None:
        parser.print_help()
        return 0
    for name, value in vars(arguments).items():
        if fault := _fault_of_size(name, value):
            parser.error(fault)
    try:
        if sys.stdout is None:
            raise StorageError("standard output is closed; to see the exit status alone, send it to /dev/null")
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        # The reader of our output (say, `head`) has gone. What it missed may have been a "no": neither 0 nor 1.
        _abandon_output()
        return 2
    except MemoryError:
        _say(f"relugeom {arguments.command}: error: there is not enough memory for this")
        return 2
    except (RelugeomError, OSError) as error:
        if arguments.debug:
            traceback.print_exc()
        _abandon_output()
        told = str(error)
        if isinstance(error, OSError) and error.filename is not None and error.filename2 is None:
            told = f"{error.filename}: {error.strerror}"  # without Python's "[Errno 2]"
        _say(f"relugeom {arguments.command}: error: {told}")
        return 2
    except Exception as error:  # an answer of 1 means "no", and this is no answer
        if isinstance(error, ValueError) and any(words in str(error) for words in _NUMPY_HAS_NO_SPACE):
            _say(f"relugeom {arguments.command}: error: there is not enough memory for this")
            return 2
        if arguments.debug:
            traceback.print_exc()
        _abandon_output()
        _say(
            f"relugeom {arguments.command}: internal error: {type(error).__name__}: {error!s:.300}; this is ours to "
            "mend: please report it with the command and what --debug prints"
        )
        return 70


def _print_version(verbose: bool) -> int:
    print(f"relugeom {__version__}")
    if verbose:
        from relugeom.installed import OTHERS, commit, versions

        print(f"commit {commit() or 'not known (no checkout)'}")
        for name, version in versions(*OTHERS).items():
            if name != "relugeom":
                print(name, version)
    return 0


def _print_completion(parser: argparse.ArgumentParser, shell: str) -> int:
    try:
        import shtab
    except ImportError:
        raise ArgumentError("this needs the package shtab: pip install 'relugeom[completion]'") from None
    print(shtab.complete(parser, shell))
    return 0


# The greatest numbers that a command line may hold, by what they count; seeds are numbers of 128 bits.
_GREATEST = {"jobs": 10_000, "processes": 10_000, "attempts": 1_000_000}
_SEEDS = ("seed", "data_seed", "index", "instance")
_NUMPY_HAS_NO_SPACE = ("Maximum allowed dimension exceeded", "array is too big")


def _fault_of_size(name: str, value: object) -> str:
    """What is wrong with a number that nothing could count up to; empty when it is none."""
    limit = 2**128 if name in _SEEDS else _GREATEST.get(name, 10**9)
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int) and abs(number) > limit:
            return f"{name.replace('_', ' ')}: numbers up to {limit:,} are taken; got {number}"
    return ""


def _say(line: str) -> None:
    """One line of text to whoever reads the messages, if anyone does."""
    with contextlib.suppress(OSError, AttributeError):
        print(printable(line), file=sys.stderr, flush=True)


def _abandon_output() -> None:
    """Pass on what was printed, or else drop it, so that Python does not complain of it again at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
