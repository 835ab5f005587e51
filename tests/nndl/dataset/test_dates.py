"""Dates: each way of writing against the standard library, or undone by hand; and that held-out days are unseen."""

import re
from datetime import date, datetime, timedelta

from nndl.dataset.dates import DIGITS, FIRST, FORMATS, LAST, chinese, make, ordinal, tells, write

import pytest

STRPTIME = {
    "{year}年{month}月{day}日": "%Y年%m月%d日",
    "{yy}年{month}月{day}日": "%y年%m月%d日",
    "{Month} {day}, {year}": "%B %d, %Y",
    "{Mon} {day}, {year}": "%b %d, %Y",
    "{Weekday}, {Month} {day}, {year}": "%A, %B %d, %Y",
    "{day} {Month} {year}": "%d %B %Y",
    "{dd}-{Mon}-{yy}": "%d-%b-%y",
    "{month}/{day}/{year}": "%m/%d/%Y",
    "{mm}/{dd}/{yy}": "%m/%d/%y",
    "{dd}.{mm}.{year}": "%d.%m.%Y",
    "{year}/{mm}/{dd}": "%Y/%m/%d",
    "{year}{mm}{dd}": "%Y%m%d",
}
DAYS = [FIRST, LAST, date(2026, 11, 24), date(2000, 2, 29), date(2010, 10, 10), date(1999, 12, 31), date(2001, 1, 2)]


@pytest.mark.parametrize(("way", "format_"), STRPTIME.items())
def test_the_standard_library_reads_the_same_day(way: str, format_: str) -> None:
    """Its two digits of a year mean 1969 to 2068 as well."""
    assert way in FORMATS
    for day in DAYS:
        written = write(day, way)
        assert datetime.strptime(written.text, format_).date() == day
        assert written.iso == day.strftime("%Y-%m-%d")


def test_chinese_and_ordinal_numbers_by_hand() -> None:
    assert [
        chinese(n) for n in (1, 9, 10, 11, 19, 20, 21, 30, 31)
    ] == "一 九 十 十一 十九 二十 二十一 三十 三十一".split()
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 20, 21, 22, 23, 31)] == (
        "1st 2nd 3rd 4th 11th 12th 13th 20th 21st 22nd 23rd 31st".split()
    )
    day = date(2026, 11, 24)
    assert write(day, FORMATS[0]).text == "二〇二六年十一月二十四日"
    assert write(day, FORMATS[1]).text == "二零二六年十一月二十四日"
    assert write(day, "{year}年{month}月{day}日星期{曜}").text == "2026年11月24日星期二"
    assert write(day, "{Mon} {th}, {yy}").text == "Nov 24th, 26"


@pytest.mark.parametrize("way", FORMATS)
def test_the_parts_name_the_characters_that_tell_year_month_and_day(way: str) -> None:
    for day in DAYS:
        text, iso, parts = write(day, way)
        assert len(text) == len(parts)
        of = {part: "".join(c for c, p in zip(text, parts, strict=True) if p == part) for part in "ymd"}
        year = "".join(str(DIGITS.index(c.replace("零", "〇"))) if not c.isascii() else c for c in of["y"])
        assert iso[:4].endswith(year)
        if of["m"].isdigit() and of["m"].isascii():
            assert int(of["m"]) == day.month
        if digits := re.match("[0-9]+", of["d"]):
            assert int(digits[0]) == day.day


def test_no_way_of_writing_means_two_days() -> None:
    """Nor do two ways write two days alike: else no answer would be right."""
    days = [FIRST + timedelta(n) for n in range(0, (LAST - FIRST).days + 1, 7)]
    meant = {}
    for way in FORMATS:
        for day in days:
            assert meant.setdefault(write(day, way).text, day) == day


def test_held_out_days_were_never_seen_and_a_seed_makes_the_same() -> None:
    splits = make(seed=3, N=5000)
    days = {split: {written.iso for written in some} for split, some in splits.items()}
    assert (len(splits["train"]), len(days["dev"]), len(days["test"])) == (5000, 500, 1000)
    assert not days["train"] & days["dev"]
    assert not days["train"] & days["test"]
    assert not days["dev"] & days["test"]
    assert make(seed=3, N=5000) == splits
    assert make(seed=4, N=5000) != splits


def test_a_text_tells_its_own_day_and_no_other() -> None:
    for text, iso, _ in make(seed=1, N=1)["dev"]:
        assert tells(text, iso)
        assert not tells(text, (date.fromisoformat(iso) + timedelta(days=1)).isoformat())
    for text, iso in [
        ("2/30/2026", "2026-02-30"),
        ("24/11/2026", "2026-02-14"),
        ("hello", "-"),
        ("11/24/26", "1926-11-24"),
    ]:
        assert not tells(text, iso)
