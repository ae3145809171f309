"""Mutation testing: change one thing in a module, and see whether its tests notice.

    python benchmarks/mutation.py relugeom/exact/check.py --sample 100
    python benchmarks/mutation.py --all

Mutations: a comparison turned or made (un)strict, + for − and × for /, a constant moved by one, `and` for `or`, a
condition negated, a statement left out, `max` for `min`, `any` for `all`. Texts, annotations and docstrings are left
alone, and `strict` in `zip`: they change no result. Each mutant runs in a forked copy of this process, which has
everything but the mutated module imported already; running out of time counts as noticed.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import importlib.abc
import importlib.machinery
import io
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXACT = (
    "tests/test_statements.py",
    "tests/test_exact_critical.py",
    "tests/test_second_checker.py",
    "tests/test_exact_limits.py",
    "tests/test_exact_check.py",
    "tests/test_exact_arithmetic.py",
)
POLYGONS = (
    "tests/test_exact_enclosures.py",
    "tests/test_exact_edges.py",
    "tests/test_exact_pentagon.py",
    "tests/test_exact_hexagon.py",
)
DERIVATIVES = (
    "tests/test_model.py",
    "tests/test_axial.py",
    "tests/test_numbers.py::test_gradients_against_the_complex_step",
    "tests/test_numbers.py::test_hessians_against_differences_of_gradients",
)
REPLIES = ("tests/test_replies.py", "tests/test_verdicts.py")
TARGETS: dict[str, tuple[str, ...]] = {
    "relugeom/claims/verdicts.py": REPLIES,
    "relugeom/claims/schema.py": REPLIES,
    "relugeom/claims/conjectures.py": ("tests/test_conjectures.py", "tests/test_replies.py"),
    "relugeom/exact/check.py": EXACT,
    "relugeom/exact/critical.py": EXACT,
    "relugeom/exact/certificates.py": EXACT,
    "relugeom/exact/enclosures.py": POLYGONS,
    "relugeom/exact/edges.py": POLYGONS,
    "relugeom/exact/pentagon.py": POLYGONS,
    "relugeom/exact/hexagon.py": POLYGONS,
    "relugeom/exact/quadratic.py": EXACT,
    "relugeom/exact/rationals.py": EXACT,
    "relugeom/autoencoder/model.py": DERIVATIVES,
    "relugeom/autoencoder/axial.py": DERIVATIVES,
    "relugeom/autoencoder/regions.py": ("tests/test_regions.py",),
    "relugeom/landscape/second_order.py": ("tests/test_second_order.py",),
}
PATIENCE = 5  # times what the tests take without a mutation

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.MatMult: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_CALLS = {"max": "min", "min": "max", "any": "all", "all": "any"}


def _visited(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Every place (parent, field, index) whose content may be changed."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "type_comment", "bases", "decorator_list"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Raise):
                continue
            if isinstance(child, ast.keyword) and child.arg == "strict":
                continue
            if isinstance(child, ast.Assign | ast.AnnAssign) and "__all__" in ast.unparse(child).split("=")[0]:
                continue
            if isinstance(child, ast.AST):
                yield node, field, index
                yield from _visited(child)


def _changes(node: ast.AST, parent: ast.AST, field: str) -> Iterator[tuple[str, ast.AST]]:
    """What the node may be replaced by."""
    match node:
        case ast.Compare(ops=[operator, *rest]):
            for other in _COMPARISONS[type(operator)]:
                yield (
                    f"{type(operator).__name__} → {other.__name__}",
                    ast.Compare(node.left, [other(), *rest], node.comparators),
                )
            if rest:
                for other in _COMPARISONS[type(rest[-1])]:
                    ops = [operator, *rest[:-1], other()]
                    yield (
                        f"last {type(rest[-1]).__name__} → {other.__name__}",
                        ast.Compare(node.left, ops, node.comparators),
                    )
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS and not _is_text(node):
            other = _OPERATORS[type(operator)]
            yield f"{type(operator).__name__} → {other.__name__}", ast.BinOp(node.left, other(), node.right)
        case ast.AugAssign(op=operator) if type(operator) in _OPERATORS:
            yield "augmented sign", ast.AugAssign(node.target, _OPERATORS[type(operator)](), node.value)
            yield "removed", ast.Pass()
        case ast.UnaryOp(op=ast.USub()):
            yield "minus dropped", node.operand
        case ast.UnaryOp(op=ast.Not()):
            yield "not dropped", node.operand
        case ast.BoolOp(op=operator):
            other = ast.Or if isinstance(operator, ast.And) else ast.And
            yield f"→ {other.__name__}", ast.BoolOp(other(), node.values)
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield f"{value} → {value + 1}", ast.Constant(value + 1)
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) if not isinstance(test, ast.Compare):
            new = copy.copy(node)
            new.test = ast.UnaryOp(ast.Not(), test)  # type: ignore[attr-defined]
            yield "condition negated", new
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS and len(node.args) > 0:
            yield f"{name} → {_CALLS[name]}", ast.Call(ast.Name(_CALLS[name], ast.Load()), node.args, node.keywords)
        case ast.Expr(value=ast.Call()):
            yield "removed", ast.Pass()
        case ast.Continue():
            yield "→ break", ast.Break()
        case ast.Break():
            yield "→ continue", ast.Continue()
        case ast.Return(value=ast.expr()) if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield "returns None", ast.Return(ast.Constant(None))


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(part, ast.Constant | ast.JoinedStr) and "'" in ast.unparse(part) for part in (node.left, node.right)
    )


def mutants(source: str) -> list[tuple[int, str, str, str]]:
    """(line, what was done, the original text, the mutated source) for every mutation."""
    found = []
    for parent, field, index in list(_visited(tree := ast.parse(source))):
        slot = getattr(parent, field)
        original = slot if index is None else slot[index]
        for what, replacement in _changes(original, parent, field):
            _put(parent, field, index, ast.copy_location(replacement, original))
            text = ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, field, index, original)
            found.append((original.lineno, what, ast.unparse(original).splitlines()[0][:100], text))
    return found


def _put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutated text under the module's name."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self, origin=str(self.path)) if name == self.name else None

    def exec_module(self, module: object) -> None:
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


def survives(module: str, path: Path, source: str, tests: tuple[str, ...], seconds: float) -> bool:
    """Whether the tests pass with the mutated module, in a forked process."""
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.alarm(int(seconds))
        status = 1
        try:
            sys.meta_path.insert(0, _Mutated(module, path, source))
            import pytest

            with open(os.devnull, "w") as nothing:
                os.dup2(nothing.fileno(), 1)
                os.dup2(nothing.fileno(), 2)
                with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                    status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--assert=plain", *tests])
        except BaseException:
            status = 1
        finally:
            os._exit(int(status))
    _, status = os.waitpid(child, 0)
    return status == 0


def _warm() -> None:
    """Import what the tests need and the package does not change, so that forks start at once."""
    for name in ("numpy", "scipy.stats", "sympy", "mpmath", "hypothesis", "flint", "array_api_strict", "pytest",
                 "array_api_compat.numpy", "hypothesis.extra.numpy"):  # fmt: skip
        importlib.import_module(name)


def examine(target: str, sample: int | None, seed: int, tell: Callable[[str], None]) -> tuple[int, int, int]:
    """(noticed, tried, in all) for one file; survivors are told as they are found."""
    path = ROOT / target
    module = target.removesuffix(".py").replace("/", ".")
    source = path.read_text(encoding="utf-8")
    tests = tuple(str(ROOT / test) for test in TARGETS[target])
    start = time.monotonic()
    if not survives(module, path, source, tests, 600):
        raise SystemExit(f"{target}: the tests fail without a mutation")
    limit = 10 + PATIENCE * (time.monotonic() - start)
    every = mutants(source)
    chosen = every if sample is None or sample >= len(every) else sorted(random.Random(seed).sample(every, sample))
    noticed = 0
    for line, what, text, mutated in chosen:
        if survives(module, path, mutated, tests, limit):
            tell(f"  survived  {target}:{line}  {what}:  {text}")
        else:
            noticed += 1
    return noticed, len(chosen), len(every)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--all", action="store_true", help="every file")
    parser.add_argument("--sample", type=int, metavar="N", help="at most N mutants a file, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ.setdefault("RELUGEOM_TEST_MULTIPLIER", "0.2")
    os.environ["CI"] = "1"
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.dont_write_bytecode = True
    _warm()
    total = tried = 0
    for target in TARGETS if arguments.all else arguments.files:
        start = time.monotonic()
        noticed, count, every = examine(target, arguments.sample, arguments.seed, lambda text: print(text, flush=True))
        seconds = time.monotonic() - start
        print(
            f"{target}: {noticed} of {count} mutants noticed ({noticed / count:.1%}; {every} in all), {seconds:.0f} s",
            flush=True,
        )
        total, tried = total + noticed, tried + count
    print(f"{total} of {tried} mutants noticed ({total / tried:.1%})")


if __name__ == "__main__":
    main()
