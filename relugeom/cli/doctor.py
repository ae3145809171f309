"""`relugeom doctor`: what this installation has and can do, and which engine a size would be given."""

from __future__ import annotations

import argparse

from relugeom.cli._options import DTYPES, add_json, add_size, positive_int
from relugeom.cli._terminal import print_json

SUMMARY = "say what is installed, whether a GPU works, and which engine a problem of a given size gets"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "-T", "--examples", type=positive_int, default=1_000, metavar="T", help="examples (default 1000)"
    )
    add_size(parser, 10_000)
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="default float32")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look, print, 0: a machine without a GPU is a healthy one."""
    from relugeom.doctor import diagnose

    found = diagnose(arguments.examples, arguments.n, arguments.m, arguments.dtype)
    if arguments.json:
        print_json(found.to_json())
        return 0
    rows = [(name, version) for name, version in found.versions.items()]
    rows.append(("machine", f"{found.machine['system']}, {found.machine['cores']} cores"))
    threads = found.blas["threads"]
    limits = ", ".join(f"{name}={value}" for name, value in found.blas["environment"].items())
    told = f"{threads} threads" if threads is not None else limits or "threads unknown"
    rows.append(("BLAS", f"{found.blas['name']} {found.blas['version']}, {told}"))
    rows.append(("CuPy", found.device.cupy or "not installed"))
    if found.device.works:
        gigabytes = found.device.memory / 2**30
        works = f"works: {found.device.name}, capability {found.device.capability}, {gigabytes:.0f} GiB"
    else:
        works = f"none: {found.device.reason}"
    rows += [("GPU", works), ("NVRTC", found.compiler)]
    for name, value in rows:
        print(f"{name:<17} {value}")
    size = found.size
    print(f"\nengine for T = {size['T']}, n = {size['n']}, m = {size['m']}, {size['dtype']}:")
    for advice in found.engines:
        print(f"  {'*' if advice.taken else ' '} {advice.engine:<13} {advice.reason or 'taken'}")
    return 0
