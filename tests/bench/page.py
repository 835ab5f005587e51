"""The page of the benchmark: what was measured, on which machine, and which bars that meets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from chapter6.lab.report import markdown_table

LAYERS = ("operators", "lengths")
"""The parts about layers, with many rows each: of these the summary says the smallest and the largest value."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        part: of the benchmark, such as "operators".
        what: was measured.
        against: what it is measured against; empty where the value stands for itself.
        on: the instruction set.
        ours, theirs: the two sides, in ``unit``.
        value: what is held against the bar: the ratio, or ``ours`` where there is no other side.
        bar: the most that the value may be; None where there is none.
    """

    part: str
    what: str
    against: str
    on: str
    ours: float
    theirs: float | None
    unit: str
    value: float
    bar: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the value is within the bar; None without a bar."""
        return None if self.bar is None else self.value <= self.bar

    def cells(self) -> list[str]:
        """As the reader sees it."""
        sides = [f"{side:.3g}" for side in (self.ours, self.theirs) if side is not None]
        unit = "" if self.theirs is not None else f" {self.unit}"
        bar = "" if self.bar is None else f"≤ {self.bar:g}{unit}"
        met = {True: "yes", False: "**no**", None: ""}[self.is_met]
        return [
            self.what,
            self.against,
            self.on,
            f"{' / '.join(sides)} {self.unit}",
            f"{self.value:.3g}{unit}",
            bar,
            met,
        ]


def describe(machine: Mapping[str, Any], turns: int) -> str:
    """One paragraph: machine, versions, date, and how it was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['instruction_set']}, {machine['usable_cores']} cores, "
        f"{machine['threads']} thread(s), Python {machine['python']}, {versions}, {date.today()}. "
        f"Medians of {turns} turns, warm-up left out; each contender in a process of its own. "
        "Lower is better; a bar stands only where both sides were measured in this run."
    )


def summary(rows: Sequence[Row], machine: Mapping[str, Any]) -> list[str]:
    """The lines that matter, fewer where not all was measured."""
    layers = [row for row in rows if row.part in LAYERS]
    cells = [row for row in rows if row.part == "cells"]
    others = [row for row in rows if row.part not in (*LAYERS, "cells")]
    barred = [row for row in rows if row.bar is not None]
    on = f"{machine['processor']}, {machine['usable_cores']} cores, {machine['instruction_set']}"
    lines = [
        "SRN, LSTM and GRU, forward and backward, ours over " + "; ".join(_ranges(layers)) if layers else "",
        "other cells, step by step, ours over " + "; ".join(_ranges(cells)) if cells else "",
        "; ".join(map(_sentence, others)),
        f"{sum(bool(row.is_met) for row in barred)} of {len(barred)} bars met, on {on}" if barred else "",
    ]
    return [f"{line}." for line in lines if line]


def _ranges(rows: Iterable[Row]) -> list[str]:
    """The smallest and the largest value against each, on each instruction set."""
    values: dict[str, list[float]] = {}
    for row in rows:
        against, _, _ = row.against.partition(",")  # by whom the products are is a detail
        values.setdefault(f"{against} ({row.on})", []).append(row.value)
    return [f"{name} {min(found):.2f}–{max(found):.2f}" for name, found in values.items()]


def _sentence(row: Row) -> str:
    ratio = f", {row.value:.3g} of {row.against}" if row.against else ""
    return f"{row.what}: {row.ours:.3g} {row.unit}{ratio}"


def markdown(rows: Sequence[Row], machine: Mapping[str, Any], turns: int) -> str:
    """The whole page."""
    header = ["what", "against", "instruction set", "measured", "value", "bar", "met"]
    points = "\n".join(f"- {line}" for line in summary(rows, machine))
    table = markdown_table(header, [row.cells() for row in rows])
    return f"# Benchmark\n\n{points}\n\n{describe(machine, turns)}\n\n{table}\n"
