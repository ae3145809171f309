"""The explorer's scripts in Node; where it is not installed, the tests are skipped and say why."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import relugeom.explorer

SCRIPTS = ("independent.js", "arithmetic.js", "training.js", "reading.js")


def in_node(program: str, data: Any) -> Any:
    """What the body of an asynchronous function returns, with `data` and R, the arithmetic, beside it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    folder = Path(relugeom.explorer.__file__).parent
    text = "".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS) + (
        'const R = Relugeom, data = JSON.parse(require("fs").readFileSync(0, "utf8"));'
        f"(async () => {{ {program} }})().then((value) => console.log(JSON.stringify(value, "
        '(k, v) => v === Infinity ? "inf" : v === -Infinity ? "-inf" : v)));'
    )
    run = subprocess.run([node, "-e", text], input=json.dumps(data), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)
