"""The record of a run: plain JSON, enough to judge and to draw everything again without training."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nndl import jsonfile, runtime

if TYPE_CHECKING:
    from chapter6.lab.lesson import Run


class Results(list):
    """The results of trainings, each a dictionary, asked by value.

    >>> results = Results([{"model": "SRN", "seed": 1, "test": 0.5}, {"model": "SRN", "seed": 0, "test": 0.7}])
    >>> results.where(model="SRN").each("test")
    [0.7, 0.5]
    """

    def where(self, **wanted: Any) -> "Results":
        """Those with these values, in the order of the seeds."""
        chosen = [r for r in self if all(r[name] == value for name, value in wanted.items())]
        return Results(sorted(chosen, key=lambda result: result["seed"]))

    def each(self, name: str) -> list[Any]:
        """One value of each."""
        return [result[name] for result in self]

    def dev_curves(self) -> list[list[tuple[int, float]]]:
        """Of each training (step, score) at each evaluation on dev."""
        return [[(step, s) for (step, _), s in zip(r["dev_losses"], r["dev_scores"], strict=True)] for r in self]


@dataclass
class Record:
    """What is kept of a run.

    Args:
        section: the lesson's number.
        preset: which settings it started from.
        settings: all of them, plain values.
        seeds: which were used.
        seconds: of the whole run, reused trainings not counted.
        environment: the machine and the versions.
        metrics: what the lesson's ``experiment`` returned.
        claims: the verdicts, see :meth:`chapter6.lab.claim.Claim.plain`.
    """

    section: str
    preset: str
    settings: dict[str, Any]
    seeds: list[int]
    seconds: float
    environment: dict[str, Any]
    metrics: dict[str, Any]
    claims: list[dict[str, Any]] = field(default_factory=list)

    @property
    def machine(self) -> str:
        """What its times were measured on: on another machine a claim about them may be decided otherwise."""
        on, device = self.environment, self.environment["device"]
        return f"{on['processor']} ({on['instruction_set'] if device == 'cpu' else device})"

    def results(self, name: str = "trainings") -> Results:
        """The results of trainings that the lesson keeps under this name."""
        return Results(self.metrics[name])


def of_run(run: "Run", metrics: dict[str, Any]) -> Record:
    """What claims, tables and figures read of a run: not judged yet, and its time not known."""
    return Record(
        section=run.number,
        preset=run.preset,
        settings=asdict(run.settings),
        seeds=list(range(run.seeds)),
        seconds=0.0,
        environment=runtime.describe(),
        metrics=jsonfile.finite(metrics),
    )


_SHAPE = {
    "section": str,
    "preset": str,
    "settings": dict,
    "seeds": [int],
    "seconds": float,
    "environment": dict,
    "metrics": dict,
    "claims": list,
}


def save(record: Record, path: Path) -> None:
    """Write a ``record.json``, whole or not at all. Raises OutputError."""
    jsonfile.write(path, asdict(record))


def load(path: Path) -> Record:
    """Read a ``record.json``. Raises CheckpointError where it is missing or damaged."""
    values = jsonfile.read(path, _SHAPE)
    return Record(**{name: values[name] for name in _SHAPE})
