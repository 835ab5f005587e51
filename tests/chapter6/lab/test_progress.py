"""What is going on: in a pipe a line at least every ten seconds, on a terminal a bar and the trainings below it."""

import multiprocessing
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

from chapter6.lab import progress, terminal
from chapter6.lab.progress import BEAT, QUIET, Bar, Lines, News, Stage, Trainings
from chapter6.lab.text import Text

import pytest
from rich.console import Console

FIRST = News("SRN-L5-seed0", 0.5, 2, 4, 1.23456, 0.7)
SECOND = News("SRN-L5-seed1", 0.0, 1, 4, None, None)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (progress, terminal):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic))
    monkeypatch.setattr(terminal, "_said", 0.0)
    terminal.begin("en")
    return clock


@pytest.fixture
def display(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Lines:
    """What a section shows in a pipe, without its thread: the tests beat."""
    lines = Lines("6.2")
    monkeypatch.setattr(progress, "_display", lines)
    return lines


# --- in a pipe ---


def test_a_line_at_least_every_ten_seconds_and_not_many_more(
    display: Lines, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.stage(Text("timing", "计时"))
    start, times = clock.now, []
    for beat in range(round(60 / BEAT)):
        clock.now = start + beat * BEAT + 0.4 * (beat % 2)  # beats come late
        display.beat()
        if capsys.readouterr().out:
            times.append(clock.now)
    gaps = [after - before for before, after in zip([start, *times], [*times, start + 60], strict=True)]
    assert max(gaps) <= QUIET
    assert len(times) <= 60 / (QUIET - 2 * BEAT)


def test_who_has_just_read_a_line_is_left_alone(
    display: Lines, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(100):
        clock.now += QUIET / 2
        terminal.say("a training is done")
        display.beat()
    assert set(capsys.readouterr().out.splitlines()) == {"a training is done"}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            "[6.2] trainings 1/4, 0:30, about 0:48 left; SRN-L5-seed0 epoch 2/4, loss 1.2346, dev 0.700; "
            "SRN-L5-seed1 epoch 1/4\n",
        ),
        (
            "zh",
            "[6.2] 训练 1/4，已用 0:30，约剩 0:48；SRN-L5-seed0 回合 2/4，损失 1.2346，验证集 0.700；"
            "SRN-L5-seed1 回合 1/4\n",
        ),
    ],
)
def test_the_line_tells_how_far_the_trainings_are(
    language: str, expected: str, display: Lines, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.begin(language)
    trainings = progress.trainings(4)
    progress.tell(FIRST._replace(name="done", share=0.0))
    trainings.finish("done")
    clock.now += 30
    progress.tell(FIRST._replace(share=0.1))  # goes on where it stopped: this tenth took no time now
    progress.tell(FIRST._replace(share=0.6))
    progress.tell(SECOND)
    display.beat()
    assert capsys.readouterr().out == expected


def test_a_stage_tells_since_when(display: Lines, clock: Clock) -> None:
    progress.stage(Text("timing", "计时"))
    clock.now += 3725
    assert display.now.headline() == "timing, 1:02:05"
    terminal.begin("zh")
    assert display.now.headline() == "计时，已用 1:02:05"


# --- trainings ---


def test_the_time_left_is_told_as_soon_as_it_can_be_known_and_not_at_the_end(clock: Clock) -> None:
    trainings = Trainings(2)
    assert trainings.headline() == "trainings 0/2, 0:00"
    clock.now += 100  # processes start
    trainings.hear(FIRST._replace(share=0.0))
    clock.now += 1
    trainings.hear(FIRST._replace(share=0.1))
    assert trainings.headline() == "trainings 0/2, 0:01"
    clock.now += 9
    trainings.hear(FIRST._replace(share=0.5))
    assert trainings.headline() == "trainings 0/2, 0:10, about 0:30 left"
    for name in (FIRST.name, SECOND.name):
        trainings.finish(name)
    assert trainings.headline() == "trainings 2/2, 0:10"


def test_late_news_of_a_training_that_is_done_count_no_more(clock: Clock) -> None:
    trainings = Trainings(2)
    trainings.hear(FIRST)
    trainings.finish(FIRST.name)
    trainings.hear(FIRST)
    assert (trainings.running(), trainings.share) == ([], 0.5)


@pytest.mark.parametrize(
    ("loss", "text"), [(0.12345, "loss 0.1235"), (123456.0, "loss 1.2e+05"), (float("inf"), "loss inf")]
)
def test_a_loss_is_short_however_large(loss: float, text: str, clock: Clock) -> None:
    assert str(FIRST._replace(loss=loss)) == f"epoch 2/4, {text}, dev 0.700"


def test_nobody_looks() -> None:
    """As in a notebook, or in a test."""
    progress.stage(Text("timing", "计时"))
    progress.trainings(2)
    progress.tell(FIRST)


# --- on a terminal ---


def drawn(now: Stage | Trainings, monkeypatch: pytest.MonkeyPatch, width: int = 80, height: int = 30) -> list[str]:
    console = Console(width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False)
    monkeypatch.setattr(terminal, "_console", console)
    bar = Bar("6.2")
    bar.now = now
    with console.capture() as capture:
        console.print(bar._draw())
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_bar_and_below_it_the_trainings_under_way(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    trainings = Trainings(4)
    trainings.hear(FIRST._replace(share=0.0))
    clock.now += 10
    trainings.hear(FIRST)
    trainings.hear(SECOND)
    top, *below = drawn(trainings, monkeypatch)
    assert re.fullmatch(r"\[6\.2\] [━╸╺ ]{20} trainings 0/4, 0:10, about 1:10 left", top)
    assert below == ["  SRN-L5-seed0  epoch 2/4, loss 1.2346, dev 0.700", "  SRN-L5-seed1  epoch 1/4"]


def test_the_bar_is_as_long_as_what_is_done(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(share: float) -> int:
        trainings = Trainings(1)
        trainings.hear(FIRST._replace(share=share))
        return drawn(trainings, monkeypatch, 80)[0].partition("╺")[0].count("━")

    # without colours the part that is still to come is blank
    assert [full(share) for share in (0.0, 0.5, 1.0)] == [0, 10, 20]


def test_other_stages_have_no_bar(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(Stage(Text("timing", "计时")), monkeypatch) == ["[6.2] timing, 0:00"]


@pytest.mark.parametrize(("width", "height"), [(40, 8), (80, 10), (120, 24)])
def test_it_fits_into_the_terminal(width: int, height: int, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that do not fit would be left behind when it is drawn anew."""
    trainings = Trainings(30)
    for number in range(30):
        trainings.hear(FIRST._replace(name=f"small-LSTM1-native-of-a-long-name-{number}"))
    lines = drawn(trainings, monkeypatch, width, height)
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    hidden = 30 - sum("small-LSTM1" in line for line in lines)
    assert (f"  + {hidden}" in lines) == (hidden > 0)


# --- from process to process ---


def test_a_worker_is_heard(display: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = threading.Event()
    trainings = progress.trainings(1)
    monkeypatch.setattr(trainings, "hear", lambda news: (told.append(news), heard.set()))
    told: list[News] = []
    context = multiprocessing.get_context("spawn")
    with progress.listening(context) as parent:
        worker = context.Process(target=_tell, args=(parent, FIRST))
        worker.start()
        assert heard.wait(60)
        worker.join()
    assert told == [FIRST]


def _tell(parent: object, news: News) -> None:
    progress.report_to(parent)  # type: ignore[arg-type]
    progress.tell(news)


# --- the whole of it ---

RUN = [
    "-m",
    "chapter6",
    "run",
    "6.2",
    "--lengths",
    "5",
    "--epochs",
    "30",
    "--batch-size",
    "8",
    "--seeds",
    "2",
    "--jobs",
    "2",
]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_in_a_real_terminal(tmp_path: Path) -> None:
    first, again = (in_a_terminal([*RUN, "--lang", "zh", "--out", str(tmp_path)]) for _ in range(2))
    assert re.search("━.* 训练 0/2", first)
    assert re.search(r"  SRN-L5-seed[01]  回合 \d+/30，损失 \d", first)
    assert "Traceback" not in first + again
    assert ["已完成" in said for said in (first, again)] == [False, True]


def in_a_terminal(arguments: list[str]) -> str:
    """What a program writes to a terminal of 80 columns."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    environment = os.environ | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 65536):
            said += part
    except OSError:  # Linux: the other end is closed
        pass
    assert process.wait() == 0, said.decode()
    return re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", said.decode())
