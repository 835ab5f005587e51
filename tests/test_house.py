"""The rules of the house: arrows one way, no circle, lessons that are short, and more lesson than anything else."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

from chapter6.contents import ENTRIES

import pytest

ROOT = Path(__file__).parents[1]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("nndl", "chapter6")
    for path in sorted((ROOT / package).rglob("*.py"))
}
LESSONS = [entry.module for entry in ENTRIES]
"""In the order of the course."""
MOST_LINES = 300
NO_LESSON = ("结论", "表与图", "设置")
"""How the banners begin under which there is no lesson: claims, tables and figures, settings."""
WRITTEN_OUT = [entry.module for entry in ENTRIES if entry.number[0].isdigit()]


def imports(name: str) -> set[str]:
    """The modules of the project that a module imports, wherever it does; not for type checkers, nor as a script."""
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    left_out = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and re.search("TYPE_CHECKING|__main__", ast.unparse(node.test))
        for inner in ast.walk(node)
    }
    found = set()
    for node in set(ast.walk(tree)) - left_out:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    modules = {module if module in FILES else module.rpartition(".")[0] for module in found}
    return {module for module in modules & FILES.keys() if module != name}


def family(module: str) -> str:
    """The part of a module's name that it shares with the other modules of its lesson."""
    match = re.match(r"chapter6\.(sec_6_\d_|extras\.[a-z]+_)", module)
    return match[0] if match else module


def place(name: str) -> tuple[int, int]:
    """How far to the right a module stands: arrows never point there."""
    if name.startswith("nndl"):
        return 0, 0
    if name.startswith("chapter6.lab"):
        return 1, 0
    if name in ("chapter6", "chapter6.presets", "chapter6.contents", "chapter6.extras"):
        return 2, 0
    if name.startswith("chapter6.extras.presets"):
        return 2, 0
    if name == "chapter6.__main__":
        return 4, 0
    if name.startswith("chapter6.notebooks"):
        return 5, 0
    owner = [n for n, lesson in enumerate(LESSONS) if family(name) == family(lesson)]
    assert owner, f"{name} belongs to no lesson"
    return 3, owner[0]


@pytest.mark.parametrize("name", FILES)
def test_arrows_point_one_way(name: str) -> None:
    to_the_right = [other for other in imports(name) if place(other) > place(name) and other != "chapter6"]
    assert not to_the_right


def test_there_is_no_circle() -> None:
    inner = {name: imports(name) - {"nndl", "chapter6"} for name in FILES if name not in ("nndl", "chapter6")}
    TopologicalSorter(inner).prepare()  # raises CycleError with the circle


@pytest.mark.parametrize("name", LESSONS)
def test_no_lesson_is_long(name: str) -> None:
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def shares(path: Path) -> tuple[int, int]:
    """Lines of code that are lesson, and all: without blank lines, comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    docstrings = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lesson, code, is_lesson = 0, 0, False
    for number, line in enumerate(text.splitlines(), start=1):
        if banner := re.fullmatch(r"# --- (.+) ---", line):
            is_lesson = not banner[1].startswith(NO_LESSON)
        elif line.startswith(("LESSON =", "if __name__")):
            is_lesson = False
        if line.strip() and not line.strip().startswith("#") and number not in docstrings:
            code += 1
            lesson += is_lesson
    return lesson, code


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_more_than_half_of_a_lesson_is_lesson(name: str) -> None:
    lesson, code = shares(FILES[name])
    assert lesson > code / 2


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_steps_are_named_in_chinese_and_english(name: str) -> None:
    comments = re.findall(r"^\s*# (.+)", FILES[name].read_text(encoding="utf-8"), flags=re.MULTILINE)
    both = [c for c in comments if re.search("[\u4e00-\u9fff]", c) and re.search("[a-z]{3}", c)]
    assert len(both) >= 8
