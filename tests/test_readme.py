"""The READMEs and the guides: each says the same in both languages, and every command and file it names is there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from chapter6.__main__ import make_parser
from chapter6.contents import SECTIONS, TASKS
from chapter6.lab.cli import read_asked, read_run
from nndl.needed import BASIS

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "chapter6" / "guide"
PAGES = {path.name: path for path in (ROOT / "README.md", *sorted(GUIDE.glob("*.md"))) if not path.stem.endswith("_cn")}
"""In English; beside each is the Chinese one, whose name ends with _cn."""
MOST_LINES = 85
"""Of README: a screen and a half."""

pages = pytest.mark.parametrize("name", PAGES)


def both(name: str) -> tuple[Path, Path]:
    """Where a page is in English and in Chinese."""
    return PAGES[name], PAGES[name].with_stem(f"{PAGES[name].stem}_cn")


def texts(name: str) -> list[str]:
    """A page in English and in Chinese."""
    return [path.read_text(encoding="utf-8") for path in both(name)]


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """Language and lines of each code block; Python's without comments, which are in the language of the text."""
    found = re.findall(r"^ *```(\w*)\n(.*?)```", text, flags=re.DOTALL | re.MULTILINE)
    return [
        (kind, [re.sub(r" *#.*", "", line) if kind == "python" else line.strip() for line in code.splitlines()])
        for kind, code in found
    ]


def commands(text: str) -> list[str]:
    """The lines of all code blocks but Python's."""
    return [line for kind, lines in blocks(text) if kind != "python" for line in lines]


def spans(text: str) -> set[str]:
    """What is marked as code within the text; what the reader fills in, <section> or --from FILE, is left open."""
    found = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return {re.sub("<[^<>]+>|(?<= )([A-Z_]+|[\u4e00-\u9fff]+)$", "…", span) for span in found}


def outline(text: str) -> list[str]:
    """The level of each heading, and of each row of a table its number of columns."""
    lines = re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines()
    return [re.match("#+|", line)[0] or "|" * line.count("|") for line in lines if line[:1] in ("#", "|")]


def test_every_page_is_there_in_both_languages() -> None:
    stems = {path.stem for path in GUIDE.glob("*.md")} | {"README", "README_cn"}
    assert stems == {path.stem for name in PAGES for path in both(name)}


@pages
def test_both_carry_the_same_code_names_headings_and_rows(name: str) -> None:
    english, chinese = texts(name)
    assert blocks(english) == blocks(chinese)
    assert spans(english) == spans(chinese)
    assert outline(english) == outline(chinese)


@pages
def test_each_points_to_the_other(name: str) -> None:
    english, chinese = both(name)
    assert f"]({chinese.name})" in english.read_text(encoding="utf-8")
    assert f"]({english.name})" in chinese.read_text(encoding="utf-8")


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


@pages
def test_every_file_named_is_there(name: str) -> None:
    for path, text in zip(both(name), texts(name), strict=True):
        for file in re.findall(r"`(chapter6/[\w/]+\.(?:py|ipynb))`", text):
            assert (ROOT / file).exists(), file
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
            assert (path.parent / link).exists(), link


@pages
def test_every_make_target_named_is_there(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for text in texts(name):
        for target in re.findall(r"\bmake ([a-z][a-z-]*)", "\n".join([*spans(text), *commands(text)])):
            assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize("text", texts("README.md"))
def test_the_readme_is_short_and_shows_every_lesson(text: str) -> None:
    assert len(text.splitlines()) <= MOST_LINES
    for entry in SECTIONS.values():
        assert f"`{entry.module.replace('.', '/')}.py`" in text
        assert f"chapter6/notebooks/{entry.module.rpartition('.')[2]}.ipynb" in text


def test_the_smallest_set_is_what_the_program_asks_for() -> None:
    [line] = [line for line in commands(texts("INSTALL.md")[0]) if "matplotlib" in line]
    assert {word.partition("==")[0] for word in line.split()[4:]} == set(BASIS.values())


def test_the_python_block_runs_when_pasted(tmp_path: Path) -> None:
    [block] = re.findall(r"```python\n(.*?)```", texts("NNDL.md")[0], flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"best.pdparams", "last.pdstate", "losses.png", "logs"} <= {path.name for path in tmp_path.iterdir()}
