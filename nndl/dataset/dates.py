"""Dates, as people write them in Chinese and English, and as a computer does: 二〇二六年十一月二十四日, 2026-11-24.

Made by a seed, without end and with exact answers. The days are divided first, into those of train, dev and test: so a
held-out day was never seen, in no way of writing it. Two digits for a year mean the one from 1969 to 2068, as in POSIX.
"""

from collections.abc import Callable
from datetime import date, timedelta
from string import Formatter
from typing import NamedTuple

from nndl.op.setting import whole

import numpy as np

FIRST, LAST = date(1969, 1, 1), date(2068, 12, 31)
"""A hundred years, so that the last two digits tell the year."""
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DIGITS = "〇一二三四五六七八九"
HELD_OUT = {"dev": 500, "test": 1000}
"""Days of each."""


def chinese(number: int) -> str:
    """A number from 1 to 99 in words.

    >>> chinese(4), chinese(10), chinese(24)
    ('四', '十', '二十四')
    """
    tens, ones = divmod(number, 10)
    return ("" if tens < 2 else DIGITS[tens]) + ("十" if tens else "") + (DIGITS[ones] if ones else "")


def ordinal(number: int) -> str:
    """
    >>> ordinal(1), ordinal(12), ordinal(23)
    ('1st', '12th', '23rd')
    """
    ending = "th" if number // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def digit_by_digit(number: int) -> str:
    """
    >>> digit_by_digit(2026)
    '二〇二六'
    """
    return "".join(DIGITS[int(digit)] for digit in str(number))


PIECES: dict[str, tuple[str, Callable[[date], str]]] = {
    "year": ("y", lambda day: str(day.year)),
    "yy": ("y", lambda day: f"{day.year % 100:02}"),
    "年": ("y", lambda day: digit_by_digit(day.year)),
    "零年": ("y", lambda day: digit_by_digit(day.year).replace("〇", "零")),
    "month": ("m", lambda day: str(day.month)),
    "mm": ("m", lambda day: f"{day.month:02}"),
    "Month": ("m", lambda day: MONTHS[day.month - 1]),
    "Mon": ("m", lambda day: MONTHS[day.month - 1][:3]),
    "月": ("m", lambda day: chinese(day.month)),
    "day": ("d", lambda day: str(day.day)),
    "dd": ("d", lambda day: f"{day.day:02}"),
    "th": ("d", lambda day: ordinal(day.day)),
    "日": ("d", lambda day: chinese(day.day)),
    "Weekday": (" ", lambda day: WEEKDAYS[day.weekday()]),
    "曜": (" ", lambda day: "一二三四五六日"[day.weekday()]),
}
"""What a way of writing is made of: which part of the date it tells (y, m, d), and how."""

FORMATS = (
    "{年}年{月}月{日}日",
    "{零年}年{月}月{日}日",
    "{年}年{月}月{日}号",
    "{year}年{month}月{day}日",
    "{yy}年{month}月{day}日",
    "{year}年{month}月{day}日星期{曜}",
    "{Month} {day}, {year}",
    "{Month} {th}, {year}",
    "{Mon} {th}, {yy}",
    "{Mon} {day}, {year}",
    "{Weekday}, {Month} {day}, {year}",
    "{day} {Month} {year}",
    "the {th} of {Month}, {year}",
    "{dd}-{Mon}-{yy}",
    # 美式月在前, 用斜线; 欧式日在前, 用点   American ones have the month first and slashes, European ones points
    "{month}/{day}/{year}",
    "{mm}/{dd}/{yy}",
    "{dd}.{mm}.{year}",
    "{year}/{mm}/{dd}",
    "{year}{mm}{dd}",
)
"""The ways of writing a date."""


class Written(NamedTuple):
    """A date in one way of writing.

    Args:
        text: as people write it.
        iso: the answer.
        parts: for each character of the text what it tells: y, m, d, or a blank.
    """

    text: str
    iso: str
    parts: str


def write(day: date, way: str) -> Written:
    """A date in a way of writing, one of :data:`FORMATS`.

    >>> write(date(2026, 11, 24), "{Mon} {th}, {yy}")
    Written(text='Nov 24th, 26', iso='2026-11-24', parts='mmm dddd  yy')
    """
    text = parts = ""
    for between, piece, _, _ in Formatter().parse(way):
        text, parts = text + between, parts + " " * len(between)
        if piece:
            part, tell = PIECES[piece]
            told = tell(day)
            text, parts = text + told, parts + part * len(told)
    return Written(text, day.isoformat(), parts)


def tells(text: str, iso: str) -> bool:
    """Whether a text is this date in one of :data:`FORMATS`; a date that the calendar does not have is in none.

    >>> tells("Nov 24th, 26", "2026-11-24"), tells("24/11/2026", "2026-11-24"), tells("2/30/2026", "2026-02-30")
    (True, False, False)
    """
    try:
        day = date.fromisoformat(iso)
    except ValueError:
        return False
    return FIRST <= day <= LAST and any(write(day, way).text == text for way in FORMATS)


def make(seed: int, N: int) -> dict[str, list[Written]]:
    """N dates to learn from, and those of :data:`HELD_OUT`, each in a way of writing drawn at random.

    The days are divided by the seed before any is written.

    Raises:
        SettingError: N under 1, or a negative seed.

    Example:
        >>> splits = make(seed=0, N=100)
        >>> {split: len(dates) for split, dates in splits.items()}
        {'train': 100, 'dev': 500, 'test': 1000}
    """
    rng = np.random.default_rng(whole("seed", seed, least=0))
    days = rng.permutation((LAST - FIRST).days + 1)
    ends = np.cumsum(list(HELD_OUT.values()))
    dev, test, train = np.split(days, ends)
    chosen = {"train": rng.choice(train, whole("N", N)), "dev": dev, "test": test}
    return {
        split: [write(FIRST + timedelta(int(day)), FORMATS[rng.integers(len(FORMATS))]) for day in some]
        for split, some in chosen.items()
    }
