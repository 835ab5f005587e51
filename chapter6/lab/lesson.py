"""What a lesson is to the laboratory: how it is announced, how it is run, what it hands over.

A lesson is a module that ends with ``LESSON = Lesson(...)``. Its functions know nothing of files, processes or the
command line: ``experiment`` computes, the others read the record that is kept of it, so figures and verdicts can be
made anew without training.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chapter6.lab.settings import Settings, check_whole
from chapter6.lab.text import Text

if TYPE_CHECKING:
    from chapter6.lab.claim import Claim
    from chapter6.lab.record import Record
    from chapter6.lab.report import Table

    from matplotlib.figure import Figure

DEFAULT_SEEDS = 3


@dataclass(frozen=True)
class Predicts:
    """What the models of a lesson answer on the command line: ``python -m chapter6 predict --task NAME``.

    Args:
        task: the name.
        module: where ``predict(asked: Asked)`` is.
        takes: what it is given, and what it answers.
        settings: the defaults of its own options.
    """

    task: str
    module: str
    takes: Text
    settings: Settings


@dataclass(frozen=True)
class Asked:
    """What the reader asks of a trained model.

    Args:
        texts: what is given on the command line; none: the lines of the file, or of the standard input.
        file: a text, one example a line.
        model: the folder of a training; None for the best that the lesson left in ``out``.
        out: where results of all lessons are.
        device: see :func:`nndl.runtime.set_device`.
        lang: what the terminal speaks, see :func:`chapter6.lab.terminal.begin`.
        settings: what is answered is set by them, see :attr:`Predicts.settings`.
    """

    texts: Sequence[str]
    file: Path | None
    model: Path | None
    out: Path
    device: str
    lang: str
    settings: Any


@dataclass(frozen=True)
class Corpus:
    """A corpus that ``python -m chapter6 data NAME`` prepares.

    Args:
        module, function: where ``prepare(source: Path | None, root: Path) -> Preparation`` is.
        title: what it is, and whose.
        source: what ``--from`` takes.
        texts: what its examples are called.
    """

    module: str
    function: str
    title: Text
    source: str
    texts: Text


@dataclass(frozen=True)
class Entry:
    """A line of the table of contents (目录).

    Args:
        number: the video's number, or the name of a lesson of the extras.
        printed: the number in the printed book; empty where it has none.
        title: in both languages.
        shows: what the reader will see.
        module: where the lesson is.
        presets: name to settings: "quick", and "book", or "full" where the book has no such lesson; perhaps more.
        seeds: how many are the default in each preset; :data:`DEFAULT_SEEDS` where it is not named.
        predicts: what its models answer on the command line, if anything.
    """

    number: str
    printed: str
    title: Text
    shows: Text
    module: str
    presets: Mapping[str, Settings]
    seeds: Mapping[str, int]
    predicts: Predicts | None = None

    def default_seeds(self, preset: str) -> int:
        return self.seeds.get(preset, DEFAULT_SEEDS)


@dataclass(frozen=True)
class Run:
    """One lesson with its settings, about to be run.

    Args:
        entry: which lesson.
        preset: the preset the settings started from.
        settings: what the lesson is set by.
        seeds: 0..seeds-1 are used.
        jobs: processes at a time.
        device: see :func:`nndl.runtime.set_device`.
        out: where results of all lessons go.
        data_dir: the folder of the data.
        visualdl: whether each training writes a log for VisualDL.
    """

    entry: Entry
    preset: str
    settings: Any
    seeds: int
    jobs: int
    device: str
    out: Path
    data_dir: Path
    visualdl: bool = False

    def __post_init__(self) -> None:
        check_whole("seeds", self.seeds, 1, 100)
        check_whole("jobs", self.jobs, 1, 1024)

    @property
    def number(self) -> str:
        return self.entry.number

    @property
    def folder(self) -> Path:
        return self.out / self.number / self.preset

    @property
    def log_folder(self) -> Path:
        """Where the logs for VisualDL go, a folder for each training."""
        return self.folder / "visualdl"


@dataclass(frozen=True)
class Drawing:
    """A figure, and what to see in it.

    Args:
        figure: Matplotlib's.
        caption: what the reader shall see, in both languages.
    """

    figure: "Figure"
    caption: Text


@dataclass(frozen=True)
class Exhibit:
    """What the reader plays with on the page, in the browser; drawn by ``chapter6/lab/page/exhibits/<kind>.js``.

    Args:
        kind: which script draws it, such as "gates".
        title: above it.
        caption: what the reader shall do and see, in both languages.
        data: what the script needs, plain JSON values: weights of the reader's own models, words, attention weights.
    """

    kind: str
    title: Text
    caption: Text
    data: Mapping[str, Any]


def _nothing(run: Run) -> None:
    """A lesson whose data need no look before it runs."""


def _no_exhibits(record: "Record") -> list[Exhibit]:
    """A lesson with nothing to play with."""
    return []


@dataclass(frozen=True)
class Lesson:
    """What a lesson hands over.

    Args:
        experiment: the lesson itself: computes, and returns what the record shall keep, plain values.
        claims: the book's claims, judged on the record.
        tables: the numbers of the report, from the record.
        figures: name to drawing, from the record; the book's numbers where it has the figure.
        check_data: raises DataError for data that :attr:`experiment` would stumble over; called for all lessons of a
            command before the first one runs.
        data_parallel: whether several processes can train one of its models together (:mod:`nndl.distributed`).
        exhibits: what the page shows besides, from the record and the models whose folders it names.
        tables_told: how many of the first tables the experiment shows itself, each at the step that it belongs to, so
            that the terminal shows only the others at the end.
    """

    experiment: Callable[[Run], dict[str, Any]]
    claims: Callable[["Record"], list["Claim"]]
    tables: Callable[["Record"], list["Table"]]
    figures: Callable[["Record"], dict[str, Drawing]]
    check_data: Callable[[Run], None] = _nothing
    data_parallel: bool = False
    exhibits: Callable[["Record"], list[Exhibit]] = _no_exhibits
    tables_told: int = 0
