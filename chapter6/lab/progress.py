"""What is going on just now: a bar on a terminal, a line every ten seconds elsewhere.

Lessons and the laboratory say what they are at, :func:`stage`; trainings tell how far they are, :func:`tell`, from
whatever process they are in. Where nobody looks, as in a notebook or a test, all of it does nothing.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from math import isfinite
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import NamedTuple

from chapter6.lab import terminal
from chapter6.lab.text import Text

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

QUIET = 10.0
"""Seconds without a line, at most, where there is no bar."""
BEAT = 0.5
"""Seconds between two looks at what is going on; what is timed meanwhile must not feel them."""
BAR_WIDTH = 24


class News(NamedTuple):
    """How far a training is.

    Args:
        name: of the training.
        share: of its steps that are done.
        epoch, epochs: the one under way, counted from 1, and all.
        loss: of the last step; None before the first.
        score: of the last evaluation on the dev set; None before the first.
    """

    name: str
    share: float
    epoch: int
    epochs: int
    loss: float | None
    score: float | None

    def __str__(self) -> str:
        en, zh = f"epoch {self.epoch}/{self.epochs}", f"回合 {self.epoch}/{self.epochs}"
        if self.loss is not None:
            loss = f"{self.loss:.4f}" if isfinite(self.loss) and self.loss < 1e4 else f"{self.loss:.1e}"
            en, zh = f"{en}, loss {loss}", f"{zh}，损失 {loss}"
        if self.score is not None:
            en, zh = f"{en}, dev {self.score:.3f}", f"{zh}，验证集 {self.score:.3f}"
        return terminal.pick(Text(en, zh))


class Stage:
    """Something other than trainings: timing, comparing, drawing.

    Args:
        text: what it is.
    """

    share = None

    def __init__(self, text: Text) -> None:
        self.text, self.begin = text, time.monotonic()

    def headline(self) -> str:
        """What is going on, and since when."""
        since = _clock(time.monotonic() - self.begin)
        return terminal.pick(Text(f"{self.text.en}, {since}", f"{self.text.zh}，已用 {since}"))

    def running(self) -> list[News]:
        """The trainings under way: none."""
        return []


class Trainings:
    """Trainings, of which some are done, some under way.

    Args:
        total: how many.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.begin = time.monotonic()
        self._running: dict[str, News] = {}
        self._finished = set[str]()
        self._at_start = 0.0

    def hear(self, news: News) -> None:
        """What one of them tells."""
        if news.name in self._finished:  # its last news may come late
            return
        if not self._running and not self._finished:
            self.begin = time.monotonic()  # until now processes were starting
        if news.name not in self._running:
            self._at_start += news.share / self.total  # one that goes on where it stopped
        self._running[news.name] = news

    def finish(self, name: str) -> None:
        """One of them is done."""
        self._finished.add(name)
        self._running.pop(name, None)

    def running(self) -> list[News]:
        """Those under way, in the order in which they began."""
        return list(self._running.values())

    @property
    def share(self) -> float:
        """What is done of all their steps, where all have as many."""
        return (len(self._finished) + sum(news.share for news in self.running())) / self.total

    def headline(self) -> str:
        """How many are done, since when, how long still."""
        since, share = time.monotonic() - self.begin, self.share
        done = f"{len(self._finished)}/{self.total}"
        en, zh = f"trainings {done}, {_clock(since)}", f"训练 {done}，已用 {_clock(since)}"
        if since > 2 and share < 1 and share - self._at_start > 0.01:
            left = _clock(since * (1 - share) / (share - self._at_start))
            en, zh = f"{en}, about {left} left", f"{zh}，约剩 {left}"
        return terminal.pick(Text(en, zh))


class Lines:
    """In a pipe or a file: a line every ten seconds.

    Args:
        number: of the section.
    """

    def __init__(self, number: str) -> None:
        self.number = number
        self.now: Stage | Trainings = Stage(Text("starting", "开始"))
        self._last = time.monotonic()

    def beat(self) -> None:
        """Show what is going on, if it is time."""
        if time.monotonic() - max(self._last, terminal.last_said()) > QUIET - 2 * BEAT:
            self._last = time.monotonic()
            parts = [self.now.headline(), *(f"{news.name} {news}" for news in self.now.running())]
            terminal.say(f"[{self.number}] {terminal.pick(Text('; ', '；')).join(parts)}")


class Bar(Lines):
    """On a terminal: a bar at the bottom, and below it the trainings under way."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.live = Live(get_renderable=self._draw, console=terminal.console(), auto_refresh=False, transient=True)

    def beat(self) -> None:
        """Draw it anew."""
        self.live.refresh()

    def _draw(self) -> Table:
        now, console = self.now, terminal.console()
        top = Table.grid(padding=(0, 1, 0, 0))
        bar = [] if now.share is None else [ProgressBar(1.0, now.share, width=min(BAR_WIDTH, console.width // 4))]
        top.add_row(f"[{self.number}]", *bar, now.headline())
        lines = Table.grid()
        lines.add_column(no_wrap=True, overflow="ellipsis")
        lines.add_row(top)
        running, room = now.running(), max(1, console.height - 4)
        for news in running[:room]:
            lines.add_row(f"  {news.name}  {news}")
        if running[room:]:
            lines.add_row(f"  + {len(running[room:])}")
        return lines


_display: Lines | None = None
_parent: Connection | None = None
"""In a worker: where its news go."""


def stage(text: Text) -> None:
    """Say what is being computed or timed, for whoever waits for it."""
    if _display:
        _display.now = Stage(text)


def trainings(total: int) -> Trainings:
    """Say that so many trainings begin; who runs them says which are done."""
    now = Trainings(total)
    if _display:
        _display.now = now
    return now


def tell(news: News) -> None:
    """Tell how far a training is; also from a worker process."""
    if _parent:
        with suppress(OSError):  # the parent is gone, and this process soon will be
            _parent.send(tuple(news._replace(name=news.name[:100])))
    elif _display and isinstance(_display.now, Trainings):
        _display.now.hear(news)


@contextmanager
def section(number: str) -> Iterator[None]:
    """Inside the block it is shown what this section is at."""
    global _display
    is_live = terminal.console().is_terminal and not terminal.console().is_dumb_terminal
    display = _display = Bar(number) if is_live else Lines(number)
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(display, over), daemon=True)
    try:
        with display.live if isinstance(display, Bar) else nullcontext():
            thread.start()
            try:
                yield
            finally:
                over.set()
                thread.join()
    finally:
        _display = None


def _beat(display: Lines, over: threading.Event) -> None:
    while not over.wait(BEAT):
        with suppress(OSError, ValueError):  # the output is gone; who writes the results will say so
            display.beat()


@contextmanager
def listening(context: BaseContext) -> Iterator[Connection]:
    """Inside the block, worker processes that are given this end of a pipe are heard, see :func:`report_to`.

    There is no lock that a worker could hold when it is killed: what it tells is short enough to be written at once.
    """
    reader, writer = context.Pipe(duplex=False)
    over = threading.Event()
    thread = threading.Thread(target=_listen, args=(reader, over), daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        over.set()
        thread.join()
        reader.close()
        writer.close()


def _listen(reader: Connection, over: threading.Event) -> None:
    with suppress(EOFError, OSError):
        while not over.is_set():
            if reader.poll(BEAT / 2):
                tell(News(*reader.recv()))


def report_to(parent: Connection) -> None:
    """In a worker: tell the parent from now on."""
    global _parent
    _parent = parent


def _clock(seconds: float) -> str:
    """Such as 0:07, 12:30 or 1:02:03."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
