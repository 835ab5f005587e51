"""The guides: every page is there in both languages, with the same commands and code, and as many rows of tables."""

import re
from pathlib import Path

import chapter6

import pytest

GUIDE = Path(chapter6.__file__).parent / "guide"
ROOT = GUIDE.parents[1]
NAMES = sorted({path.stem.removesuffix("_cn") for path in GUIDE.glob("*.md")})


def page(name: str) -> str:
    return (GUIDE / f"{name}.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL)


def spans(text: str) -> set[str]:
    """What is marked as code within the text."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_commands_names_and_rows(name: str) -> None:
    english, chinese = page(name), page(f"{name}_cn")
    assert blocks(english) == blocks(chinese)
    assert spans(english) == spans(chinese)
    rows = [[line.count("|") for line in text.splitlines() if line.startswith("|")] for text in (english, chinese)]
    assert rows[0] == rows[1]
    headings = [re.findall(r"^#+ ", text, flags=re.MULTILINE) for text in (english, chinese)]
    assert headings[0] == headings[1]


@pytest.mark.parametrize("name", NAMES)
def test_each_points_to_the_other(name: str) -> None:
    assert f"]({name}_cn.md)" in page(name)
    assert f"]({name}.md)" in page(f"{name}_cn")


def test_the_smallest_set_is_what_the_program_asks_for() -> None:
    from nndl.needed import BASIS

    [line] = [line for block in blocks(page("INSTALL")) for line in block.splitlines() if "matplotlib" in line]
    assert {word.partition("==")[0] for word in line.split()[4:]} == set(BASIS.values())


def test_every_make_target_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([\w-]+)", "".join(blocks(page("INSTALL")))):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)
