"""What the reader sees: one language, tables and verdicts that fit, marks that need no colour, any encoding."""

import io
import re
import sys
from collections.abc import Callable

from chapter6.lab import terminal
from chapter6.lab.claim import Claim
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.stand_in import STAND_IN
from chapter6.lab.text import Text, same

import pytest
from rich.cells import cell_len

TIMES = ["7.72 (4.91 – 18.25)", "26 (22 – 137)", "16.09", "49.67", "0.3"]
TABLE = Table(
    Text("Time and memory", "耗时与内存"),
    [
        Text("rung", "级"),
        Text("forward, ms", "前向（毫秒）"),
        Text("forward and backward, ms", "前向与反向（毫秒）"),
        "/ paddle",
        "/ products",
        Text("peak memory, MB", "峰值内存（MB）"),
    ],
    [["stepwise", *TIMES], [Text("by hand", "手推"), "0.31 ± 0.02", "1.70", "1.00", "0.57", "12.7"]],
)
SRN = Text("accuracy of the simple recurrent network ", "简单循环网络（SRN）的准确率，")
CLAIMS = [
    Claim(
        "falls", Text(f"the {SRN.en * 5}", SRN.zh * 8), Text("L=5: 0.71 ± 0.08, " * 6, "L=5：0.71 ± 0.08，" * 6), True
    ),
    Claim("grows", same("grows"), same("measured"), False),
    Claim("open", same("open"), same("too few seeds (≤ 1)"), None),
]


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


Show = Callable[..., str]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """Shows tables and claims on an output of this kind, and returns what was written."""
    monkeypatch.setattr(terminal, "_console", None)
    monkeypatch.setattr(terminal, "_language", "")

    def shown(
        *tables: Table, language: str = "en", width: int = 80, encoding: str = "utf-8", kind: type = io.TextIOWrapper
    ) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm-256color")
        output = kind(io.BytesIO(), encoding, errors=STAND_IN, newline="\n")
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", output)
            terminal.begin(language)
            claims = [claim.plain() for claim in CLAIMS]
            terminal.show(Record("6.2", "quick", {}, [0], 0.0, {}, {}, claims), [], tables)
        output.seek(0)
        return output.read()

    return shown


# --- tables ---


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [80, 120])
def test_columns_are_aligned_and_no_number_is_broken(width: int, language: str, show: Show) -> None:
    lines = show(TABLE, language=language, width=width).splitlines()
    lines = lines[lines.index(TABLE.title.zh if language == "zh" else TABLE.title.en) + 1 :]
    lines = lines[: lines.index("")]
    (rule,) = (number for number, line in enumerate(lines) if set(line) == {"-"})
    header, rows = lines[:rule], lines[rule + 1 :]
    assert len(rows) == 2
    assert {cell_len(line) for line in rows} == {cell_len(lines[rule])}
    assert all(cell_len(line) <= width for line in lines)
    assert all(number in rows[0] for number in TIMES)
    assert len(header) == 1 or width == 80
    assert [header[-1][:4].strip(), rows[1][:8].strip()] == (
        ["rung", "by hand"] if language == "en" else ["级", "手推"]
    )


def test_names_of_columns_are_broken_between_words_and_before_brackets(show: Show) -> None:
    english, chinese = (show(TABLE, language=language) for language in ("en", "zh"))
    assert "products " in english
    assert re.search(r"memory, *\n.* MB\n", english)
    assert re.search(r"峰值内存\n.*（MB）\n", chinese)


def test_columns_of_words_stand_left_and_are_broken_where_the_numbers_leave_no_room(show: Show) -> None:
    words = "one matrix product a gate and step, as in the book"
    lines = show(
        Table(same("table"), ["", "what", "ms"], [["a", words, "1 2 3 4 5 " * 4], ["b", "x", "7"]])
    ).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("a  one"))
    assert "1 2 3 4 5 " * 3 + "1 2 3 4 5" in lines[first]
    column = lines[first].index("one")
    second = next(line for line in lines if line.startswith("b"))
    broken = [line[column : lines[first].index("1 2 3")].strip() for line in lines[first : lines.index(second)]]
    assert len(broken) == 2
    assert " ".join(broken) == words
    assert second.index("x") == column


def test_a_table_without_rows(show: Show) -> None:
    assert "rung  what\n----------\n" in show(Table(same("empty"), ["rung", "what"], []))


# --- verdicts ---


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [80, 120])
def test_long_verdicts_are_wrapped_at_the_width(width: int, language: str, show: Show) -> None:
    lines = show(language=language, width=width).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("✓"))
    end = next(number for number, line in enumerate(lines) if line.startswith("✗"))
    indent = cell_len("✓ does not hold  " if language == "en" else "✓ 不成立  ")
    own = lines[start:end]
    assert width - 10 < max(map(cell_len, own)) <= width
    assert all(line.startswith(" " * indent) for line in own[1:])
    texts = [own[0].split("holds" if language == "en" else "成立", 1)[1], *own[1:]]
    assert not any(text.strip()[0] in "，。；：、）" for text in texts)

    def without_blanks(text: str) -> str:
        return "".join(text.split())

    said = CLAIMS[0].claim, CLAIMS[0].measured
    assert without_blanks("".join(texts)) == without_blanks("".join(terminal.pick(text) for text in said))


@pytest.mark.parametrize("kind", [io.TextIOWrapper, Terminal])
def test_marks_are_told_apart_without_colour(kind: type, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    said = show(kind=kind)
    assert re.sub("\x1b\\[[0-9;]*m", "", said).count("✓ holds") == 1
    assert set("✗?") < set(said)
    assert not re.search("\x1b\\[[0-9;]*3[0-7]", said)
    assert ("\x1b" in said) == (kind is Terminal)  # bold letters are no colour; a pipe gets text alone


def test_a_terminal_gets_colours(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert re.search("\x1b\\[1;32m✓.*\x1b\\[1;31m✗.*\x1b\\[1;33m[?]", show(kind=Terminal), re.DOTALL)


def test_a_path_is_left_whole(show: Show, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal.begin("en")
    terminal.say("/long/" + "folder/" * 20)
    assert capsys.readouterr().out == "/long/" + "folder/" * 20 + "\n"


# --- encodings ---


def test_ascii_gets_readable_stand_ins_and_stays_aligned(show: Show) -> None:
    said = show(TABLE, encoding="ascii")
    for text in ("0.31 +- 0.02", "7.72 (4.91 - 18.25)", "Y holds", "N does not hold", "? not decided", "(<= 1)"):
        assert text in said
    lines = said.splitlines()
    rule = next(number for number, line in enumerate(lines) if line and set(line) == {"-"})
    assert len(lines[rule]) == len(lines[rule + 1]) == len(lines[rule + 2]) <= 80


def test_gbk_keeps_what_it_has(show: Show) -> None:
    said = show(TABLE, language="zh", encoding="gbk")
    for text in ("0.31 ± 0.02", "7.72 (4.91 – 18.25)", "Y 成立", "N 不成立", "? 未定", "(≤ 1)"):
        assert text in said


# --- the language ---


@pytest.mark.skipif(sys.platform == "win32", reason="there the user's interface decides")
@pytest.mark.parametrize(
    ("variables", "encoding", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "utf-8", "zh"),
        ({"LANG": "zh_TW.UTF-8", "LC_ALL": "", "LC_MESSAGES": ""}, "utf-8", "zh"),
        ({"LANG": "zh_CN.GBK"}, "gbk", "zh"),
        ({"LANG": "zh_CN.UTF-8"}, "ascii", "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "utf-8", "en"),
        ({"LANG": "C", "LC_MESSAGES": "zh_CN.UTF-8"}, "utf-8", "zh"),
        ({"LANG": "de_DE.UTF-8"}, "utf-8", "en"),
        ({}, "utf-8", "en"),
    ],
)
def test_the_language_is_that_of_the_locale_where_the_output_can_write_it(
    variables: dict[str, str], encoding: str, expected: str, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said = show(TABLE, language="auto", encoding=encoding)
    assert [title in said for title in ("Time and memory", "耗时与内存")] == [expected == "en", expected == "zh"]


@pytest.mark.parametrize("variable", ["zh_CN.UTF-8", "en_US.UTF-8"])
def test_a_language_asked_for_wins(variable: str, show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", variable)
    assert "耗时与内存" in show(TABLE, language="zh")
    assert "耗时与内存" not in show(TABLE, language="en")


@pytest.mark.skipif(sys.platform == "win32", reason="there the user's interface decides")
def test_what_is_picked_first_is_in_the_language_of_the_locale(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert terminal.pick(Text("length", "长度")) == "长度"
