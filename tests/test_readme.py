"""The READMEs and the guides: each says the same in both languages, and every command and file it names is there."""

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
PAGES = {
    path.name: path
    for path in (ROOT / "README.md", *sorted((ROOT / "chapter6" / "guide").glob("*.md")))
    if not path.stem.endswith("_cn")
}
"""In English; beside each is the Chinese one, whose name ends with _cn."""
MOST_LINES = 85
"""Of README: a screen and a half."""


def texts(name: str) -> tuple[str, str]:
    """A page in English and in Chinese."""
    english = PAGES[name]
    return english.read_text(encoding="utf-8"), english.with_stem(f"{english.stem}_cn").read_text(encoding="utf-8")


def commands(text: str) -> list[str]:
    """The lines of all code blocks but Python's, whose comments are in the language of the text."""
    blocks = re.findall(r"^ *```(?:powershell)?\n(.*?)```", text, flags=re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines()]


def python(text: str) -> list[str]:
    """The words of all blocks of Python, without comments."""
    return re.sub(r"#.*", "", "".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL))).split()


def test_every_page_is_there_in_both_languages() -> None:
    stems = {path.stem for path in (ROOT / "chapter6" / "guide").glob("*.md")} | {"README", "README_cn"}
    assert stems == {stem for name in PAGES for stem in (Path(name).stem, f"{Path(name).stem}_cn")}


@pytest.mark.parametrize("name", PAGES)
def test_both_carry_the_same_commands_and_python(name: str) -> None:
    english, chinese = texts(name)
    assert commands(english) == commands(chinese)
    assert python(english) == python(chinese)


@pytest.mark.parametrize("name", PAGES)
def test_both_name_the_same_files(name: str) -> None:
    english, chinese = (set(re.findall(r"`[\w/.]+\.(?:py|ipynb|html|txt|md)`", text)) for text in texts(name))
    assert english == chinese


LINES = sorted({line for name in PAGES for line in commands(texts(name)[0]) if "-m chapter6 " in f"{line} "})


def test_there_are_commands() -> None:
    assert len(LINES) > 30


@pytest.mark.parametrize("line", LINES)
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


@pytest.mark.parametrize("name", PAGES)
def test_every_file_named_is_there(name: str) -> None:
    for text, path in zip(texts(name), (PAGES[name], PAGES[name].with_stem(f"{PAGES[name].stem}_cn")), strict=True):
        for file in re.findall(r"`(chapter6/[\w/]+\.py)`", text):
            assert (ROOT / file).exists(), file
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (path.parent / link).exists(), link
        for target in re.findall(r"`?make ([a-z-]+)", " ".join(re.findall(r"`[^`\n]+`", text) + commands(text))):
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE), target


@pytest.mark.parametrize("text", texts("README.md"))
def test_the_readme_is_short_and_shows_every_lesson(text: str) -> None:
    assert len(text.splitlines()) <= MOST_LINES
    for entry in SECTIONS.values():
        assert f"`{entry.module.replace('.', '/')}.py`" in text
        assert f"chapter6/notebooks/{entry.module.rpartition('.')[2]}.ipynb" in text


def test_the_python_block_runs_when_pasted(tmp_path: Path) -> None:
    [block] = re.findall(r"```python\n(.*?)```", texts("NNDL.md")[0], flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"best.pdparams", "last.pdstate", "losses.png", "logs"} <= {path.name for path in tmp_path.iterdir()}
