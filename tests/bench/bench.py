"""``make bench``: how fast the operators and the chapter are on this machine, against the project's own bars.

Every contender computes in a process of its own, so that none disturbs another's threads, and they take turns, so that
a change of the machine's speed meets all. Writes ``runs/bench/bench.md`` and ``bench.json``. Takes half an hour.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median

from chapter6.lab import record as records
from chapter6.lab.record import Record
from chapter6.lab.report import markdown_table
from nndl import runtime
from nndl.dataset import DATA, imdb
from nndl.file import replacing

OUT = Path("runs") / "bench"
SHAPE = (128, 256, 256)  # B, L, M = D: the text model's
TURNS = 5
PASSES = 3  # timed ones a turn
WARM_UP = 0.5  # seconds before them: after a rest the first passes are slower, and training does not rest
PAUSE = 0.5  # seconds: the threads of the contender before still spin for 0.2 s, and would take a core from the next
STEPS = [(64, steps, 256) for steps in (64, 128, 256, 512, 1024)]
BATCHES = [(batch, 64, 256) for batch in (64, 128, 256, 512, 1024)]
INSTALLED = "paddle as installed"
BOOKS_SECONDS = 1210
"""Sections 6.2 and 6.5 with the book's own code, Paddle as installed, on 2 cores of an AMD EPYC (Zen 5)."""


@dataclass
class Row:
    """One line of the table: what was measured, the bar it is held against, and the value."""

    what: str
    bar: str
    value: float
    unit: str


class Contender:
    """An LSTM in a process of its own, which computes when it is told to."""

    def __init__(self, kind: str, shape: tuple[int, int, int]) -> None:
        environment = _environment() | ({runtime.SWITCH: "off"} if kind == INSTALLED else {})
        command = [sys.executable, __file__, kind, *map(str, shape)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, env=environment, text=True, **pipes)
        self.milliseconds: list[float] = []
        self.take_turn()  # imports, memory, code that is generated on first use
        self.milliseconds.clear()

    def take_turn(self) -> None:
        """Let it compute, and note the times."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        time.sleep(PAUSE)
        print(file=self.process.stdin, flush=True)
        self.milliseconds += json.loads(self.process.stdout.readline())

    def end(self) -> float:
        """Its median."""
        self.process.communicate()
        return median(self.milliseconds)


def _environment() -> dict[str, str]:
    """As the user left it: each process chooses anew, and what this one chose would look like the user's choice."""
    return {name: value for name, value in os.environ.items() if name not in runtime.chosen}


def compute(kind: str, shape: tuple[int, int, int]) -> None:
    """The process of a contender: forward and backward passes for every line of the standard input."""
    B, L, D = shape
    step = _torch_step(B, L, D) if kind == "torch" else _paddle_step(kind, B, L, D)
    for _ in sys.stdin:
        warm = time.perf_counter() + WARM_UP
        while time.perf_counter() < warm:
            step()
        print([_milliseconds(step) for _ in range(PASSES)], flush=True)


def _milliseconds(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return (time.perf_counter() - start) * 1e3


def _paddle_step(kind: str, B: int, L: int, D: int) -> Callable[[], None]:
    runtime.load_paddle()
    from chapter6 import sec_6_8_ladder as ladder
    from chapter6.lab import measure

    import paddle

    [layer] = ladder.build(["paddle" if kind == INSTALLED else kind], D, D).values()
    return measure.forward_backward(layer, paddle.randn([B, L, D]))


def _torch_step(B: int, L: int, D: int) -> Callable[[], None]:
    import torch

    torch.set_num_threads(int(os.environ[runtime.THREADS]))  # nndl's choice, as for the others
    X, layer = torch.randn(B, L, D, requires_grad=True), torch.nn.LSTM(D, D, batch_first=True)

    def step() -> None:
        layer(X)[0].sum().backward()
        X.grad = None
        layer.zero_grad()

    return step


def race(entries: Sequence[tuple[str, tuple[int, int, int]]]) -> list[float]:
    """Median milliseconds of each (kind, shape)."""
    contenders = [Contender(*entry) for entry in entries]
    for _ in range(TURNS):
        for contender in contenders:
            contender.take_turn()
    return [contender.end() for contender in contenders]


def operators() -> list[Row]:
    """The rungs of section 6.8 on the text model's shape, and their ratios."""
    from chapter6 import sec_6_8_ladder as ladder

    kinds = [*ladder.available(), INSTALLED, *(["torch"] if find_spec("torch") else [])]
    ms = dict(zip(kinds, race([(kind, SHAPE) for kind in kinds]), strict=True))
    shape = "B={}, L={}, D={}".format(*SHAPE)
    rows = [Row(f"{kind}: forward and backward, {shape}", "", value, "ms") for kind, value in ms.items()]
    bars = [
        ("onednn", "paddle", 0.75),
        ("onednn", INSTALLED, 0.25),
        ("onednn", "torch", 1.0),
        ("bptt", "paddle", 1.8),
        ("fused", "paddle", 1.8),
    ]
    return rows + [Row(f"{a} / {b}", f"at most {bar}", ms[a] / ms[b], "") for a, b, bar in bars if a in ms and b in ms]


def linearity() -> list[Row]:
    """Whether a step of an example costs the same, however many there are: the dearest over the cheapest."""
    from chapter6 import sec_6_8_ladder as ladder

    kind = "onednn" if "onednn" in ladder.available() else "fused"
    rows = []
    for what, shapes in (("steps L", STEPS), ("examples B", BATCHES)):
        costs = [ms * 1e3 / (B * L) for ms, (B, L, _) in zip(race([(kind, s) for s in shapes]), shapes, strict=True)]
        rows += [
            Row(f"{kind}: a step of an example, B={B}, L={L}", "", cost, "µs")
            for cost, (B, L, _) in zip(costs, shapes, strict=True)
        ]
        spread = max(costs) / min(costs)
        rows.append(Row(f"{kind}: the dearest over the cheapest, against {what}", "at most 1.2", spread, ""))
    return rows


def sections() -> list[Row]:
    """Whole runs with the book's settings, imports, figures and reports included."""
    seconds, _ = _run("6.2", "6.5", "--seeds", "1")
    rows = [
        Row("6.2 and 6.5, preset book, one seed", "", seconds, "s"),
        Row(f"... / the book's code ({BOOKS_SECONDS} s)", "at most 0.2", seconds / BOOKS_SECONDS, ""),
    ]
    if imdb.is_prepared(DATA / "imdb"):
        seconds, record = _run("6.7")
        accuracy = fmean(result["test_accuracy"] for result in record.metrics["trainings"])
        rows.append(Row("6.7, preset book, two seeds", "at most 15", seconds / 60, "min"))
        rows.append(Row("... test accuracy", "at least 0.86", accuracy, ""))
    return rows


def _run(*arguments: str) -> tuple[float, Record]:
    """The seconds of a run, and the record of its last section."""
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        command = [sys.executable, "-m", "chapter6", "run", *arguments, "--preset", "book", "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environment())
        seconds = time.perf_counter() - start
        return seconds, max(map(records.load, Path(out).glob("*/book/record.json")), key=lambda record: record.section)


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure all of it and write the table."""
    rows: list[Row] = []
    for part in (operators, linearity, sections):
        print(f"[bench] {part.__name__}: {' '.join((part.__doc__ or '').split())}", flush=True)
        rows += part()
    machine = runtime.describe()
    lines = [[row.what, f"{row.value:.4g} {row.unit}".strip(), row.bar] for row in rows]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    described = (
        f"{machine['processor']}, {machine['usable_cores']} cores, {machine['threads']} thread(s), "
        f"Python {machine['python']}, {versions}. Medians of {TURNS * PASSES}, warm-up left out; each "
        "contender in a process of its own, taking turns."
    )
    text = f"# Benchmark\n\n{described}\n\n{markdown_table(['what', 'measured', 'bar'], lines)}\n"
    _write(OUT / "bench.md", text)
    _write(OUT / "bench.json", json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}, indent=1))
    print(text, f"written to {OUT}/", sep="\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        compute(sys.argv[1], tuple(map(int, sys.argv[2:])))  # type: ignore[arg-type]
    else:
        main()
