"""One conjecture, one process: no neighbour, malicious or careless, changes what becomes of another."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from relugeom.claims import process
from relugeom.claims.process import Slot
from relugeom.claims.results import Report
from relugeom.claims.run import verify
from relugeom.claims.verdicts import Verdict
from relugeom.claims.worker import limit_memory
from tests.conftest import Tier
from tests.test_runner import GOOD, declare, write

# What a conjecture may do to the process it runs in, the one that started it, or the next to come.
NEIGHBOURS = {
    "patches_sympy": "import relugeom.claims.steps as s; s._simplify = lambda *a: 0; return Open('x')",
    "patches_the_judge": "import relugeom.claims.verdicts as v; v.check = lambda c: v.Valid('true'); return Open('x')",
    "patches_builtins": "import builtins as b; b.len = lambda x: 0; b.isinstance = lambda *a: True; return Open('x')",
    "sets_an_alarm": "import signal; signal.alarm(1); return Open('x')",
    "closes_its_input": "os.close(0); return Open('x')",
    "keeps_memory": "global kept; kept = bytearray(2**28); return Open('x')",
    "changes_directory": "os.chdir('/'); return Open('x')",
    "changes_the_environment": "os.environ.clear(); sys.path.clear(); return Open('x')",
    "leaves_a_thread": "import threading as t; t.Timer(0.2, lambda: os.write(3, b'{}\\n')).start(); return Open('x')",
    "replaces_the_registry": "from relugeom.claims import conjectures as c; c.conjecture = None; return Open('x')",
    "kills_its_server": "os.kill(os.getppid(), 9); time.sleep(60); return Open('x')",
    "kills_its_group": "os.killpg(0, 9)",
    "forks_and_leaves": "os.fork() or (os.setsid(), os.fork() or time.sleep(1000), os._exit(0)); return Open('x')",
    "limits_the_recursion": "sys.setrecursionlimit(60); return Open('x')",
    "raises_an_exit": "raise SystemExit(0)",
    "prints_a_lot": "print('x' * 10**6); return Open('x')",
}
# What a neighbour might disturb: steps, certificates, the directory, standard input, time, memory, module state.
VICTIMS = {
    "false_identity": """
        import sympy
        x = sympy.Symbol("x")
        from relugeom.claims.steps import identity
        from relugeom import Proof, Sibling
        return Proof([identity("wrong", (x + 1)**2, x**2 + 1)], Sibling("s", [identity("s", x, 1)]))""",
    "false_certificate": "return Witness([SignPattern(as_matrix([[1, 1]]))])",
    "directory": "return Open(os.getcwd())",
    "input": "return Open(repr(sys.stdin.read()))",
    "waits": "time.sleep(1.5); return Open('waited')",
    "needs_memory": "return Open(str(len(bytearray(2**28))))",
    "state": "shared.pop(); return Open(str(shared))",
    "environment": "return Open(str(sorted(n for n in os.environ if 'THREADS' in n)))",
}
PREAMBLE = "shared = [1, 2, 3]\n"


def files(folder: Path) -> list[Path]:
    """A file for every neighbour and every victim, the victims' with one neighbour more among them."""
    docstring = "'''Argued.'''\n    "
    made = [write(folder, f"{name}.py", PREAMBLE, declare(name, body)) for name, body in NEIGHBOURS.items()]
    for name, body in VICTIMS.items():
        text = docstring + body.strip().replace("\n        ", "\n    ")
        made.append(write(folder, f"{name}.py", PREAMBLE, declare(name, text)))
    mixed = [declare("pops", "shared.clear(); import sympy; sympy.expand = None; return Open('x')")]
    mixed.append(declare("after", "import sympy; return Open(f'{shared} {sympy.expand is None}')"))
    return [*made, write(folder, "mixed.py", PREAMBLE, *mixed), write(folder, "good.py", GOOD)]


def told(report: Report) -> dict[str, tuple[object, ...]]:
    return {r.id: (r.verdict, r.evidence, r.error, r.steps, r.certificates, r.output) for r in report.results}


def test_no_neighbour_changes_a_row_in_any_order_or_number(tier: Tier, tmp_path: Path) -> None:
    made = files(tmp_path)
    alone = told(verify(made, jobs=1))
    for name, verdict in (("false-identity", Verdict.UNDECIDED), ("false-certificate", Verdict.UNDECIDED)):
        assert alone[name][0] is verdict
    assert alone["two-on-a-line"][0] is Verdict.CERTIFIED
    shown = {name: alone[name][1] for name in ("directory", "input", "waits", "needs-memory", "state", "environment")}
    assert shown == {
        "directory": os.getcwd(), "input": "''", "waits": "waited", "needs-memory": str(2**28), "state": "[1, 2]",
        "environment": str(sorted(name for name in os.environ if "THREADS" in name)),
    }  # fmt: skip
    assert alone["after"][1] == "[1, 2, 3] False"
    assert alone["kills-its-server"][2] == "the conjecture: the process that runs it was killed by SIGKILL"
    orders = tier.count(1, 12)
    for order in range(orders):
        shuffled = random.Random(order).sample(made, len(made))
        for jobs in (2, 1, 8) if tier.name == "long" else (2,):
            assert told(verify(shuffled, jobs=jobs)) == alone
    tier.tell(f"{len(alone)} of {len(alone)} rows alike in {orders} of {orders} orders")


def test_a_server_has_one_thread_and_no_conjecture_in_it(tmp_path: Path) -> None:
    body = """
    import numpy, scipy.linalg
    server = f"/proc/{os.getppid()}"
    threads = len(os.listdir(server + "/task"))
    maps = "libopenblas" in open(server + "/maps").read() or "numpy" in open(server + "/maps").read()
    return Open(f"{threads} {maps} {sorted(n for n in sys.modules if n.startswith('relugeom_conj'))}")
"""
    (result,) = verify([write(tmp_path, "counts.py", declare("counts", body))], jobs=1).results
    assert result.evidence == "1 True ['relugeom_conjectures_of_this_file']"


@pytest.mark.parametrize("forks", [True, False])
def test_what_is_forked_and_what_is_spawned_answers_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: bool
) -> None:
    monkeypatch.setattr(process, "FORKS", forks)
    path = write(
        tmp_path,
        "a.py",
        GOOD,
        declare("raises", "print('told'); raise ValueError('why')"),
        declare("dies", "os._exit(3)"),
    )
    good, raises, dies = verify([path], jobs=1).results
    assert good.verdict is Verdict.CERTIFIED
    assert (raises.error, raises.output) == ("ValueError: why", "told\n")
    assert dies.error == "the conjecture: the process ended with status 3"


def test_what_libraries_import_late_is_there_before_the_fork(tmp_path: Path) -> None:
    body = """
    before = set(sys.modules)
    from relugeom.claims.steps import identity
    x = sympy.Symbol("x")
    identity("s", sympy.sin(x)**2 + sympy.cos(x)**2, 1).decide()
    numpy.random.default_rng(0)
    return Open(str(sorted(set(sys.modules) - before)))
"""
    path = write(tmp_path, "late.py", "import numpy, sympy\n", "import sympy\n", declare("late", body))
    (result,) = verify([path], jobs=1).results
    assert result.evidence == "[]"


def test_random_numbers_are_no_copies(tmp_path: Path) -> None:
    body = "import numpy, random; return Open(f'{numpy.random.rand()} {random.random()} {random.getrandbits(99)}')"
    rows = verify([write(tmp_path, "a.py", "import numpy\n", declare("a", body), declare("b", body))], jobs=1).results
    assert len({part for row in rows for part in row.evidence.split()}) == 6


REGEX = "import re; re.match('(a+)+$', 'a' * 60 + 'b')"


def runs(number: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True).stdout.strip()
    return state != "" and not state.startswith("Z")


def start(folder: Path, body: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A run of one conjecture that has begun: its process, and those of its server and its child."""
    marker = folder / "pids"
    begun = f"open({str(marker)!r}, 'w').write(f'{{os.getppid()}} {{os.getpid()}}\\n'); {body}"
    path = write(folder, "a.py", declare("holds", begun))
    program = f"from relugeom import verify; verify([{str(path)!r}], jobs=1)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", program], env=environment)
    wait_for(lambda: marker.exists() and marker.read_text().endswith("\n"))
    return parent, [int(part) for part in marker.read_text().split()]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_all_ends_with_the_one_who_asked_even_in_a_regex(tmp_path: Path, how: signal.Signals) -> None:
    parent, started = start(tmp_path, REGEX)
    assert all(map(runs, started))
    parent.send_signal(how)
    parent.wait(timeout=60)
    wait_for(lambda: not any(map(runs, started)))


def test_a_child_ends_with_its_server(tmp_path: Path) -> None:
    parent, (server, child) = start(tmp_path, REGEX)
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: not runs(child))
    assert parent.wait(timeout=60) == 0  # the row is an error, and the run goes on


def test_a_server_that_does_not_answer_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE", 0.5)
    body = "os.kill(os.getppid(), 19); time.sleep(100)"
    path = write(tmp_path, "a.py", declare("stops", body, ", time_limit=0.5"), GOOD.replace("\ndef", "\ndef"))
    stops, good = verify([path], jobs=1).results
    assert stops.error == "the conjecture: the process that runs it did not answer"
    assert good.verdict is Verdict.CERTIFIED


def test_an_endless_reply_is_cut(tmp_path: Path) -> None:
    body = "import itertools\n    for _ in itertools.repeat(0): os.write(3, b' ' * 2**20)"
    (result,) = verify([write(tmp_path, "a.py", declare("floods", body))], jobs=1).results
    assert result.error == "the conjecture: the reply takes more than 64000000 bytes"


def test_what_is_printed_is_kept_up_to_a_limit(tmp_path: Path) -> None:
    body = "print('x\\x1b[2J'); print('y' * 10**6, file=sys.stderr); os.write(1, b'\\xff'); return Open('z')"
    (result,) = verify([write(tmp_path, "a.py", declare("prints", body))], jobs=1).results
    assert result.evidence == "z"
    assert result.output.startswith("x\x1b[2J\nyyy")
    assert len(result.output) == 10_000


def test_a_limit_on_memory_that_is_refused_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = "import resource\ndef refuse(*a): raise ValueError('not permitted')\nresource.setrlimit = refuse\n"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(refusing)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), *sys.path]))
    path = write(tmp_path, "a.py", GOOD)
    report = verify([path], jobs=1)
    assert report.as_expected
    assert report.notes == ("this system sets no limit on memory: the conjectures ran without one",)
    assert verify([path], jobs=1, memory_limit=None).notes == ()


def test_limits_on_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, 1000))
    assert limit_memory(None)
    assert limit_memory(10)
    assert limit_memory(1000)  # no more than what is there already
    assert asked == [(10, 1000)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (5, resource.RLIM_INFINITY))
    assert limit_memory(2**80)
    assert asked[1:] == [(sys.maxsize, resource.RLIM_INFINITY)]


def test_docstrings_are_there_whatever_python_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    (result,) = verify([write(tmp_path, "a.py", GOOD)], jobs=1).results
    assert result.argument == "Opposite signs."


def test_a_child_has_its_three_streams_and_the_reply_and_no_file_more(tmp_path: Path) -> None:
    body = """
    numbers = os.listdir("/proc/self/fd")
    return Open(str(sorted(int(n) for n in numbers if os.path.exists("/proc/self/fd/" + n))))
"""
    (result,) = verify([write(tmp_path, "a.py", declare("a", body))], jobs=1).results
    assert result.evidence == "[0, 1, 2, 3]"


def test_what_is_no_text_on_the_path_of_imports_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [tmp_path, *sys.path])
    (result,) = verify([write(tmp_path, "a.py", GOOD)], jobs=1).results
    assert result.verdict is Verdict.CERTIFIED


def test_a_closed_slot_starts_nothing() -> None:
    slot = Slot(None, [])
    slot.close()
    assert slot.ask({"do": "collect", "path": "x.py"}, 1.0, "importing x.py").fault.startswith(
        "importing x.py: no process could be started"
    )
