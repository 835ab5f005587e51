"""``make bench``: how fast the layers and the chapter are on this machine, against the project's own bars.

Writes ``runs/bench/bench.md`` and ``bench.json`` anew after each part, with what was measured in this run.

    make bench ARGS="--only operators --quick"
    git worktree add ../before COMMIT && make bench ARGS="--against ../before"
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import partial
from importlib import metadata, util
from pathlib import Path
from typing import Any

from nndl import runtime
from nndl.dataset import DATA
from nndl.file import replacing

import chapter
import operators
from page import Row, markdown
from race import FailedError

OUT = Path("runs") / "bench"
TURNS, QUICK_TURNS, TURNS_OF_FIRST_USE = 7, 3, 3
PARTS = ("operators", "cells", "lengths", "steps", "sections", "text", "first_use")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TURNS} turns, not {TURNS}")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="an earlier version, for parts steps and text")
    parser.add_argument("--data-dir", type=Path, default=DATA, metavar="FOLDER", help="folder of imdb/, for part text")
    chosen = parser.parse_args(arguments)
    if chosen.against and not (chosen.against / "nndl").is_dir():
        parser.error(f"{chosen.against}: expected a folder with an earlier version of the project")
    return chosen


def parts(chosen: argparse.Namespace, turns: int) -> dict[str, Callable[[], Iterable[Row]]]:
    """What is measured; two parts only where there is an earlier version."""
    found: dict[str, Callable[[], Iterable[Row]]] = {
        "operators": partial(operators.operators, turns),
        "cells": partial(operators.cells, turns),
        "lengths": partial(operators.lengths, turns),
        "sections": partial(chapter.sections, turns),
        "first_use": partial(chapter.first_use, TURNS_OF_FIRST_USE),
    }
    if chosen.against:
        earlier = chosen.against.resolve()
        found["steps"] = partial(chapter.steps, turns, earlier)
        found["text"] = partial(chapter.text, earlier, chosen.data_dir.resolve())
    return {name: found[name] for name in PARTS if name in found and name in chosen.only}


def describe_machine() -> dict[str, Any]:
    """What the page says of the machine."""
    runtime.start("cpu")
    machine = runtime.describe()
    if util.find_spec("torch"):
        machine["versions"] |= {"torch": metadata.version("torch")}  # type: ignore[operator]
    return machine


def write(rows: Sequence[Row], machine: dict[str, Any], turns: int) -> None:
    """The page, and the same for programs."""
    as_json = {"machine": machine, "turns": turns, "rows": [asdict(row) for row in rows]}
    for name, text in (("bench.md", markdown(rows, machine, turns)), ("bench.json", json.dumps(as_json, indent=1))):
        with replacing(OUT / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure what is asked for, and write the page."""
    chosen = parse(sys.argv[1:])
    turns = QUICK_TURNS if chosen.quick else TURNS
    machine, rows = describe_machine(), list[Row]()
    if len(operators.variants()) == 1:
        print(f"[bench] no AVX-512 here: each layer is measured once, with {machine['instruction_set']}", flush=True)
    for name, measure in parts(chosen, turns).items():
        print(f"[bench] {name}", flush=True)
        try:
            for row in measure():
                print("  " + " | ".join(row.cells()), flush=True)
                rows.append(row)
        except FailedError as error:  # no compiler, say: the other parts are worth as much without this one
            print(f"[bench] {name} ends here: {error}", flush=True)
        write(rows, machine, turns)
    print(f"[bench] {OUT / 'bench.md'}")


if __name__ == "__main__":
    main()
