"""The reference: every public name's docstring says what numpydoc's readers look for."""

from __future__ import annotations

import enum
import importlib
import inspect

import pytest

import relugeom

validate = pytest.importorskip(
    "numpydoc.validate", reason="numpydoc is not installed: pip install -e '.[docs]'"
).validate

NAMES = [
    (home, name) for homes in relugeom.PURPOSES.values() for home, names in homes.items() for name in names.split()
]
# Sections in their order; a summary that ends with a full stop; parameters all there, by their names and in their
# order; what is returned.
WANTED = {"GL07", "SS01", "SS03", "PR01", "PR02", "PR03", "RT01", "YD01"}


@pytest.mark.parametrize(("home", "name"), NAMES, ids=[name for _, name in NAMES])
def test_docstrings_have_their_sections(home: str, name: str) -> None:
    value = getattr(importlib.import_module(home), name)
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        assert name == "Outcome"  # a union of classes, each of which has its own
        return
    wanted = set(WANTED)
    if inspect.isclass(value) and ("Attributes" in (value.__doc__ or "") or issubclass(value, enum.Enum)):
        wanted.remove("PR01")  # the fields of a result are its attributes
    faults = [f"{code}: {text}" for code, text in validate(f"{home}.{name}")["errors"] if code in wanted]
    assert not faults
