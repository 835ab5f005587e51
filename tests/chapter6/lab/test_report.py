"""The report in Markdown: what it says, and that two languages in one cell can be read."""

from typing import Any

from chapter6.contents import ENTRIES
from chapter6.lab import report
from chapter6.lab.claim import FAILS, HOLDS, OPEN, WHAT_OPEN_MEANS, Claim
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.shown import Shown
from chapter6.lab.text import Text, same

import pytest

EVIDENCE = {HOLDS: [[1.0, 1.1]], FAILS: [[-1.0, -1.1]], OPEN: [[1.0, -1.0]]}
ENTRY = {entry.number: entry for entry in ENTRIES}


def markdown(*verdicts: str, tables: tuple[Table, ...] = (), number: str = "6.2", **settings: Any) -> str:
    claims = [Claim(v, Text("it grows", "它增大"), Text("5 times", "5 倍"), EVIDENCE[v]).plain() for v in verdicts]
    environment = {
        "processor": "",
        "instruction_set": "",
        "usable_cores": 1,
        "device": "cpu",
        "python": "3.11",
        "versions": {},
    }
    all_settings = vars(ENTRY[number].presets["quick"]) | settings
    record = Record(number, "quick", all_settings, [0, 1], 1.0, environment, {}, claims)
    return report.markdown(ENTRY[number], record, Shown(report.notes(ENTRY[number], record), tables, {}, ()))


@pytest.mark.parametrize(("verdicts", "is_said"), [((HOLDS, OPEN), True), ((OPEN,), True), ((HOLDS, FAILS), False)])
def test_what_not_decided_means_is_said_once_where_a_verdict_is_open(verdicts: tuple[str, ...], is_said: bool) -> None:
    text = markdown(*verdicts)
    assert text.count(WHAT_OPEN_MEANS.en) == text.count(WHAT_OPEN_MEANS.zh) == is_said
    assert text.index("## Verdicts") < text.find(WHAT_OPEN_MEANS.en) or not is_said


def test_each_language_has_a_line_of_its_own_in_a_cell() -> None:
    table = Table(Text("Loss", "损失"), ["L", Text("dev", "验证集")], [["5", same("0.5")]], Text("Means.", "均值。"))
    text = markdown(HOLDS, tables=(table,))
    assert "| it grows<br>它增大 | 5 times<br>5 倍 | **holds** 成立 |" in text
    assert "| L | dev<br>验证集 |" in text
    assert "| 5 | 0.5 |" in text
    assert "Means.<br>均值。" in text


def test_a_bar_in_a_cell_is_no_border() -> None:
    assert report.markdown_table(["a"], [[Text("|x|", "|x| 甲")]]).endswith("| \\|x\\|<br>\\|x\\| 甲 |")


@pytest.mark.parametrize(
    ("number", "whose"), [("6.2", "书中设置（括号内）不同：lengths"), ("cells", "预设 `full`（括号内）不同：cells")]
)
def test_the_settings_that_the_verdicts_are_about(number: str, whose: str) -> None:
    assert f"与{whose} = " in markdown(HOLDS, number=number)


def test_what_the_data_hold_is_no_html() -> None:
    cell = Text("<script>1 < 2</script>", "<br /><!-- 甲")
    assert "&lt;script>1 < 2&lt;/script><br>&lt;br />&lt;!-- 甲" in report.markdown_table(["a"], [[cell]])
