"""A parser that says what was meant: close names for a misspelt command or option, under the usage of its command."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

__all__ = ["Parser"]


def _hint(word: str, known: Iterable[object]) -> str:
    close = difflib.get_close_matches(word, [str(name) for name in known], n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


class Parser(argparse.ArgumentParser):
    """argparse's parser, with better words when something is misspelt."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Refuse what is not known here, where the usage is that of the command."""
        found, extras = super().parse_known_args(args, namespace)
        if extras:
            self._refuse(extras[0])
        return found, extras

    def _refuse(self, word: str) -> NoReturn:
        if not word.startswith("-"):
            self.error(f"unexpected argument {word}")
        option = word.partition("=")[0]
        self.error(f"there is no option {option}{_hint(option, self._option_string_actions)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"there is no command {value}{_hint(str(value), choices)}; relugeom alone lists them")
        hint = _hint(str(value), choices)
        raise argparse.ArgumentError(action, f"must be one of {', '.join(choices)}; got {value}{hint}")
