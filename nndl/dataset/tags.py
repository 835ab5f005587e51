"""Tagged sentences (序列标注): words and as many tags, in the scheme IOB2. Needs neither Paddle nor NumPy.

In IOB2 (Ramshaw and Marcus, 1995; Tjong Kim Sang and Veenstra, 1999) the first word of a slot (槽位) is tagged B-kind,
each further one I-kind, and a word that belongs to none O::

    leave  new          york         on  november       2nd
    O      B-from_city  I-from_city  O   B-depart_date  I-depart_date
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nndl.error import DataError

PAD, OUTSIDE = "[PAD]", "O"
"""The tag of the padding (补齐), whose id is 0; and that of a word outside all slots, whose id is 1."""
_TAG = re.compile(r"O|[BI]-\S+")


class Sentence(NamedTuple):
    """Words, and the tag of each."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


Sentences = Mapping[str, Sequence[Sentence]]
"""A corpus: split to sentences."""


class Slot(NamedTuple):
    """A slot of a sentence: its kind, and the words from ``start`` up to, not including, ``end``."""

    kind: str
    start: int
    end: int


def check(words: Sequence[str], tags: Sequence[str]) -> None:
    """Raise DataError unless these are a sentence in IOB2: a tag a word, each O, B-kind, or an I-kind that goes on."""
    if len(words) != len(tags) or not words:
        raise DataError(f"{len(words)} words and {len(tags)} tags: expected a tag for each word, and at least one")
    before = OUTSIDE
    for number, tag in enumerate(tags, start=1):
        if not _TAG.fullmatch(tag):
            raise DataError(f"tag {number}, {tag[:40]!r}: expected IOB2, that is O, B-kind or I-kind")
        if tag.startswith("I-") and before[2:] != tag[2:]:
            raise DataError(f"tag {number}, {tag!r} after {before!r}: in IOB2 a slot begins with B-{tag[2:]}")
        before = tag


def slots(tags: Iterable[str]) -> list[Slot]:
    """The slots of a sentence, as conlleval finds them: an I-kind that continues nothing begins one, too.

    >>> slots(["O", "B-city", "I-city", "I-date"])
    [Slot(kind='city', start=1, end=3), Slot(kind='date', start=3, end=4)]
    """
    found: list[Slot] = []
    for t, tag in enumerate(tags):
        kind = tag[2:]
        if tag.startswith("I-") and found and found[-1].end == t and found[-1].kind == kind:
            found[-1] = found[-1]._replace(end=t + 1)
        elif kind and tag != PAD:
            found.append(Slot(kind, t, t + 1))
    return found


def normal(word: str) -> str:
    """A word as a model shall see it: lower-cased, each digit a 0, so that times and numbers are few words (数字归一).

    >>> normal("5:30"), normal("Nov")
    ('0:00', 'nov')
    """
    return "".join("0" if character.isdigit() else character for character in word.lower())
