"""Generated command lines over the real options: one line and exit code 2, or sensibly accepted; nothing in between."""

import argparse
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chapter6 import __main__ as command_line
from chapter6.contents import CORPORA, SECTIONS, TASKS
from chapter6.lab import cli

import pytest

ODD = [
    "", " ", "--", "-", "-1", "0", "nan", "inf", "-inf", "1e309", "1e-400", "1e300", "5,5", ",", ",5", "5,", "1,2,3",
    "x", "None", "True", "0x10", "1_000", "٣", "³", "１", "½", "1.5", "10" * 100, "9" * 5000, "1e5", "5 5", "5;5",
    "\udcb2\udce2", "bad \udc80 film", "🎬", "影评", "a\nb", "\r", "\x1b[31m", "{}", "%s", "%(prog)s", "$HOME", "~",
    "/dev/null", "/dev/zero", "/", ".", "..", "../..", "x" * 5000, "/" + "x/" * 3000, "6.4", "run", "--help=3", "auto",
    "constant", "cosine", "paddle", "fused", "8x20x32", "0x0x0", "999999x999999x999999", "1x1x1 " * 200, "small",
    "imdb", "3", "10", "5,10", "0.5", "2147483648", "-0", "+5", "5" + ",5" * 3000, ",".join(map(str, range(3, 9999))),
]  # fmt: skip
LINES = 400


class Started(BaseException):
    """Something would have been done."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was accepted: all that would cost something is replaced by a note."""
    seen: list[Any] = []

    def note(*what: object) -> None:
        seen.append(what)
        raise Started

    monkeypatch.setattr("chapter6.lab.execute.execute_all", note)
    for entry in TASKS.values():
        monkeypatch.setattr(f"{entry.predicts.module}.predict", note)
    for corpus in CORPORA.values():
        monkeypatch.setattr(f"{corpus.module}.{corpus.function}", note)
    monkeypatch.setattr("nndl.dataset.digit_sum.write", note)
    monkeypatch.setattr("nndl.dataset.book.write_book", note)
    return seen


def options_of(parser: argparse.ArgumentParser, words: list[str]) -> list[str]:
    """The long options of the command that these words name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and words and words[0] in action.choices:
            return options_of(action.choices[words[0]], words[1:])
    return [option for action in parser._actions for option in action.option_strings if option.startswith("--")]


def parser_of(words: list[str]) -> argparse.ArgumentParser:
    """That of the whole program; of ``run`` the one that knows the options of all lessons."""
    if words[:1] == ["run"]:
        return cli._finder("python -m chapter6 run", SECTIONS.values())
    if words[:1] == ["predict"]:
        return cli._predict_parser("python -m chapter6 predict", TASKS, words[2] if words[2:] else "reviews")
    return command_line.make_parser()


def command_lines(draw: random.Random) -> Iterator[list[str]]:
    """Mostly one fault in a line that is good otherwise, so that the fault is reached; some lines are all faults."""
    commands = [["run"], ["run", "6.2"], ["run", "6.4"], ["run", "6.5"], ["run", "6.7"], ["run", "6.8"]]
    commands += [
        ["run", "6.5", "6.7"],
        *(["predict", "--task", task] for task in TASKS),
        *(["data", name] for name in CORPORA),
        ["data", "digit_sum", "--length", "7"],
        [],
    ]
    commands += [["data", "book", "here"], ["page"]]
    for _ in range(LINES):
        words = draw.choice(commands)
        line, others = list(words), draw.choice([words, words, words, draw.choice(commands)])
        options = options_of(parser_of(others), others)
        for _ in range(draw.choice([1, 1, 1, 2, 5])):
            option, value = draw.choice(options), draw.choice(ODD)
            line += draw.choice([[option, value], [option, value], [f"{option}={value}"], [option], [value]])
        yield line


def test_generated_command_lines(
    started: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    accepted = refused = 0
    for line in command_lines(random.Random(0)):
        started.clear()
        with pytest.raises((SystemExit, Started)) as end:
            command_line.main(line)
        err = capsys.readouterr().err
        assert os.listdir(tmp_path) == [], line
        if isinstance(end.value, Started):
            accepted += 1
        elif end.value.code:
            refused += 1
            assert (end.value.code, len(started)) == (2, 0), line
            assert err.startswith(("chapter6: ", "python -m chapter6")), (line, err)
            assert err.count("\n") == 1, (line, err)
            assert len(err) < 1000, (line, err)
    assert refused > 200
    assert accepted > 20  # or the lines are not worth their name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "6.2", "--epochs=--"], ["--epochs=--", "expected a value"]),
        (["predict", "--model=--"], ["--model=--", "expected a value"]),
        (["run", "6.5", "--backend", "cudnn"], ["section 6.5: backend 'cudnn'", "auto, stepwise"]),
        (["run", "6.5", "6.7", "--backend", "paddle"], ["--backend is a setting of section 6.5, 6.7"]),
        (["run", "--epochs", "3"], ["--epochs is a setting of section 6.1", "the common options only"]),
        (["run", "6.4", "6.5", "--hidden-size", "3"], ["to set it run one section: run 6.4 --hidden-size"]),
        (["6.2"], ["a section is run by: python -m chapter6 run 6.2"]),
        (["6.5", "--seeds", "1"], ["python -m chapter6 run 6.5 --seeds 1"]),
        (["run", "6.8", "--backend", "bptt"], ["section 6.8: backend bptt", "auto"]),
        (["run", "6.2", "--out", "6.4", "--clip-at", "3"], ["--clip-at"]),
        (["run", "6.2", "--out=6.4", "--clip-at", "3"], ["--clip-at"]),
        (["run", "6.8", "--steps", "4,4"], ["steps 4, 4", "each once"]),
        (["run", "6.2", "--seeds", "1000000"], ["seeds 1000000", "to 100"]),
        (["run", "6.2", "--jobs", "1000000"], ["jobs 1000000", "to 1,024"]),
        (["run", "6.2", "--batch-size", "1000000"], ["batch_size 1000000", "to 10,000"]),
        (["run", "6.7", "--review", "\udcb2"], ["--review", "UTF-8"]),
        (["run", "6.7", "--review", "  "], ["review ' '", "at least one word"]),
        (["data", "digit_sum", "--length", "5", "--k", "100000000"], ["k 100000000", "to 1,000"]),
        (["data", "digit_sum", "--length", "10000", "--k", "1000"], ["k x length 1000 x 10000", "at most 1,000,000"]),
    ],
)
def test_bad_lines(
    arguments: list[str], words: list[str], started: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        command_line.main(arguments)
    assert exit_.value.code == 2
    assert not started
    [line] = capsys.readouterr().err.splitlines()
    assert all(word in line for word in words), line


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        (["run", "--out", "6.4", "--lengths", "5", "6.2"], {"6.2": {"lengths": (5,)}}),
        (["run", "6.2", "--out", "6.4", "--lengths", "5"], {"6.2": {"lengths": (5,)}}),
        (["run", "--epochs", "7", "6.4"], {"6.4": {"epochs": 7}}),
        (["run", "--preset=book", "6.4"], {"6.4": {"epochs": 50}}),
        (["run", "6.7", "--review", "6.4", "--schedule", "cosine"], {"6.7": {"review": "6.4", "schedule": "cosine"}}),
        (["run", "--preset", "best"], {"6.7": {"epochs": 4}}),  # all that have it
        (["run", "6.5", "--preset", "book", "6.2", "--out", "x"], {"6.2": {"epochs": 500}, "6.5": {"epochs": 500}}),
    ],
)
def test_good_lines(arguments: list[str], accepted: dict[str, dict[str, Any]], started: list[Any]) -> None:
    """A folder may be called like a section."""
    with pytest.raises(Started):
        command_line.main(arguments)
    [(runs, _, _)] = started
    assert {r.number: {name: getattr(r.settings, name) for name in accepted[r.number]} for r in runs} == accepted


def test_the_bytes_of_a_review_are_utf8_whatever_the_locale(
    started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the POSIX locale Python hands its arguments over byte by byte."""
    review = "太好了".encode().decode("ascii", errors="surrogateescape")
    with pytest.raises(Started):
        command_line.main(["run", "6.7", "--review", review])
    assert started[0][0][0].settings.review == "太好了"
