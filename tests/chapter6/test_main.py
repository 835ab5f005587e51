"""The command line: lists, help and every error, one line and exit code 2."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.lab.lesson import Run

import pytest


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    return exit_.value.code


def error_line(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on standard error of a call that must fail with exit code 2."""
    assert call(*arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    lines = [line for line in lines if not line.startswith("nndl runtime")]
    assert len(lines) == 1
    return lines[0]


def replace_run(number: str, run: Callable[[Run], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(SECTIONS[number].module)
    monkeypatch.setattr(module, "LESSON", replace(module.LESSON, experiment=run))


def test_list_names_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 0
    out = capsys.readouterr().out
    for entry in SECTIONS.values():
        for text in (entry.number, entry.printed, *entry.title, *entry.shows):
            assert text in out


@pytest.mark.parametrize("number", SECTIONS)
def test_help_explains_every_setting_with_its_defaults(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", number, "--help") == 0
    out = " ".join(capsys.readouterr().out.split())
    for field in fields(SECTIONS[number].presets["quick"]):
        choices = field.metadata["choices"]
        option = f"--{field.name.replace('_', '-')}"
        if isinstance(field.default, bool):
            option = f"{option}, {option.replace('--', '--no-')}"
        else:
            option = f"{option} {'{' + ','.join(choices) + '}' if choices else field.name.upper()}"
        assert f"{option} {field.metadata['help']}; quick " in out
    assert all(f"{name} " in out for name in SECTIONS[number].presets)


@pytest.mark.parametrize("option", ["--clip-at", "--digits", "--backend"])
def test_help_of_one_section_and_of_all_shows_no_other_sections_settings(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["run", "--help"], ["run", "6.2", "--help"]):
        assert call(*arguments) == 0
        assert option not in capsys.readouterr().out


def test_list_and_help_load_nothing_large() -> None:
    code = "import sys, runpy\nsys.argv = ['chapter6', *sys.argv[1:]]\n"
    code += "try: runpy.run_module('chapter6', run_name='__main__')\n"
    code += "except SystemExit: pass\nassert not {'paddle', 'numpy', 'matplotlib', 'scipy', 'rich'} & set(sys.modules)"
    for arguments in ([], ["--help"], ["run", "--help"], ["run", "6.5", "--help"], ["run", "6.9"], ["page", "--help"]):
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "6.1.2"], ["unknown section '6.1.2'", "6.1.2 of the printed book is section 6.2, 6.3 here"]),
        (["run", "6.1", "--sentence", " "], ["sentence ' '", "1 to 60 words"]),
        (["run", "6.1", "--sentence", "a " * 61], ["expected 1 to 60 words"]),
        (["run", "9"], ["unknown section '9'", "expected 6.1, 6.2, 6.3, 6.4"]),
        (["run", "--preset", "huge"], ["preset 'huge': section 6.1 has quick, full; section 6.2 has quick, book"]),
        (["run", "6.2", "--preset", "best"], ["preset 'best'", "quick, book"]),
        (["run", "6.2", "--epoch", "3"], ["unknown option '--epoch', did you mean --epochs?"]),
        (["run", "6.2", "--clip-at", "3"], ["--clip-at is a setting of section 6.4", "run 6.4 --clip-at"]),
        (["run", "6.2", "--lengths", "10,x"], ["'10,x'", "whole numbers"]),
        (["run", "6.2", "--lengths", "2"], ["lengths 2", "from 3 to 10,000"]),
        (["run", "6.2", "--lengths", "10,15,10"], ["lengths 10, 15, 10", "each once"]),
        (["run", "6.2", "--epochs", "0"], ["section 6.2: epochs 0", "from 1 to 10,000"]),
        (["run", "6.2", "--learning-rate", "-1"], ["learning_rate -1.0", "above 0"]),
        (["run", "6.2", "--learning-rate", "nan"], ["learning_rate nan", "above 0"]),
        (["run", "6.2", "--epochs", "x"], ["'x'", "a whole number"]),
        (["run", "6.2", "--hidden-size", "9" * 20], ["hidden_size 9", "to 4,096"]),
        (["run", "6.2", "--seeds", "9" * 20], ["seeds 9", "from 1 to 100"]),
        (["run", "6.5", "--digits", "67001"], ["digits", "separated by commas"]),
        (["run", "gradients", "--l1", "0.1;0.2"], ["l1", "numbers separated by commas"]),
        (["data", "digit_sum", "--length", "9" * 20], ["length 9", "to 10,000"]),
        (["run", "6.2", "--out", ""], ["expected a folder"]),
        (["run", "6.2", "--seeds", "0"], ["seeds 0", "from 1"]),
        (["run", "6.2", "--jobs", "0"], ["jobs 0", "from 1"]),
        (["run", "6.4", "--clip-at", "0"], ["clip_at 0.0", "from 1e-30"]),
        (["run", "6.5", "--digits", "6,7,10"], ["digits 10", "0 to 9"]),
        (["run", "6.5", "--digits", "6,7"], ["digits 6, 7", "expected 3 to 100"]),
        (["data", "digit_sum", "--length", "2"], ["length 2", "from 3"]),
        (["data", "digit_sum", "--length", "5", "--k", "0"], ["k 0", "from 1"]),
        (["data"], ["digit_sum"]),
        (["nonsense"], ["nonsense"]),
    ],
)
def test_bad_input(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    where = ["--data-dir", tmp_path / "data"] if "digit_sum" in arguments else []
    where += ["--out", tmp_path / "runs"] if "run" in arguments and "--out" not in arguments else []
    line = error_line(capsys, *arguments, *where)
    assert all(word in line for word in words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("device", ["tpu", "gpu", "gpu:99"])
def test_device_that_is_not_there(device: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert f"'{device}'" in error_line(capsys, "run", "6.4", "--device", device, "--out", tmp_path)


def test_sizes_beyond_the_memory(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(run: object) -> None:
        bytearray(2**62)

    replace_run("6.2", fill, monkeypatch)
    assert "not enough memory" in error_line(capsys, "run", "6.2", "--out", tmp_path)


def test_terminal_without_chinese() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "chapter6"]
    result = subprocess.run(command, check=True, capture_output=True, env=environment, text=True)
    assert "6.2  The memory of a simple recurrent network" in result.stdout
    result = subprocess.run(
        [*command, "run", "6.8", "--help"], check=True, capture_output=True, env=environment, text=True
    )
    assert "by blanks (???x????x?????)" in " ".join(result.stdout.split())  # 批大小×时间步数×隐状态大小


def test_output_folder_that_cannot_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    line = error_line(capsys, "run", "6.4", "--out", tmp_path / "file" / "runs")
    assert "cannot write" in line
    assert "choose another place" in line


@pytest.mark.parametrize("name", ["record.json", "report.md", "figures", "checkpoints"])
def test_what_stands_in_the_way_of_the_report_is_found_before_anything_is_trained(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_run("6.4", lambda run: pytest.fail("it trains"), monkeypatch)
    place = tmp_path / "6.4" / "quick" / name
    place.parent.mkdir(parents=True)
    place.touch() if "." not in name else place.mkdir()
    assert f"cannot write {place}: " in error_line(capsys, "run", "6.4", "--out", tmp_path)
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize("sections", [["6.7"], ["6.4", "6.7"]])
def test_reviews_that_are_not_there_are_missed_before_anything_starts(
    sections: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    where = ["--data-dir", tmp_path / "data", "--out", tmp_path / "runs"]
    assert "IMDB is not prepared" in error_line(capsys, "run", *sections, "--preset", "book", *where)
    assert list(tmp_path.iterdir()) == []


def test_damaged_data_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call("data", "digit_sum", "--length", 5, "--data-dir", tmp_path) == 0
    train = tmp_path / "made" / "digit_sum" / "5" / "train.txt"
    lines = train.read_text().splitlines()
    lines[6] = lines[6].replace("\t", " ")
    train.write_text("\n".join(lines))
    line = error_line(capsys, "run", "6.2", "--lengths", 5, "--data-dir", tmp_path, "--out", tmp_path / "runs")
    assert f"{train}, line 7" in line
    assert not (tmp_path / "runs").exists()


def test_data_makes_a_length_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["data", "digit_sum", "--length", 40, "--data-dir", tmp_path]
    assert call(*arguments) == 0
    before = (tmp_path / "made" / "digit_sum" / "40" / "train.txt").read_bytes()
    assert before.count(b"\n") == 300
    assert "stays as it is" in error_line(capsys, *arguments, "--seed", 1)
    assert (tmp_path / "made" / "digit_sum" / "40" / "train.txt").read_bytes() == before
