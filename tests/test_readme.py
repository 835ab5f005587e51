"""The two READMEs say the same: the same commands, and every command is one that exists."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from chapter6.__main__ import make_parser
from chapter6.contents import SECTIONS, TASKS
from chapter6.lab.cli import read_asked, read_run

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ("README.md", "README_cn.md")


def commands(name: str) -> list[str]:
    """The lines of all code blocks but Python's, whose comments are in the language of the text."""
    blocks = re.findall(r"```\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_both_carry_the_same_commands() -> None:
    english, chinese = map(commands, NAMES)
    assert len(english) > 10
    assert english == chinese


def test_both_carry_the_same_python() -> None:
    english, chinese = (
        re.sub(r"#.*", "", "".join(re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)))
        for name in NAMES
    )
    assert "RunnerV3" in english
    assert english.split() == chinese.split()


def test_both_name_the_same_files_and_numbers() -> None:
    english, chinese = (set(re.findall(r"`[\w/.]+\.py`", (ROOT / name).read_text(encoding="utf-8"))) for name in NAMES)
    assert english == chinese


@pytest.mark.parametrize("line", [line for line in commands("README.md") if "-m chapter6" in line])
def test_every_command_is_understood(line: str) -> None:
    arguments = shlex.split(line.partition("-m chapter6")[2])
    if "--help" in arguments:
        arguments.remove("--help")
    if arguments[:1] == ["run"]:
        assert read_run(arguments[1:], "run", SECTIONS)
    elif arguments[:1] == ["predict"]:
        assert read_asked(arguments[1:], "predict", TASKS)
    else:
        assert make_parser().parse_args(arguments).command


def test_every_file_named_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in re.findall(r"`(chapter6/\w+\.py)`", text):
        assert (ROOT / path).exists()
    for targets in re.findall(r"`make (\w+)`", text):
        assert re.search(rf"^{targets}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_the_python_block_runs_when_pasted(tmp_path: Path) -> None:
    [block] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"best.pdparams", "last.pdstate", "losses.png", "logs"} <= {path.name for path in tmp_path.iterdir()}
