"""Tagged sentences (序列标注): words and as many tags, in the scheme IOB2; ids and batches of them. Needs no Paddle.

In IOB2 (Ramshaw and Marcus, 1995; Tjong Kim Sang and Veenstra, 1999) the first word of a slot (槽位) is tagged B-kind,
each further one I-kind, and a word that belongs to none O::

    leave  new          york         on  november       2nd
    O      B-from_city  I-from_city  O   B-depart_date  I-depart_date
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from nndl.dataset.batching import ReviewSampler, pad
from nndl.dataset.text import Vocabulary
from nndl.error import DataError

import numpy as np

if TYPE_CHECKING:
    from paddle.io import DataLoader

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


def tag_names(corpus: Sentences) -> list[str]:
    """All tags, [PAD] and O first; those that train lacks as well, for in dev and test they count as missed."""
    found = {tag for sentences in corpus.values() for sentence in sentences for tag in sentence.tags}
    return [PAD, OUTSIDE, *sorted(found - {OUTSIDE})]


def vocabulary_of(sentences: Iterable[Sentence], min_freq: int = 1) -> Vocabulary:
    """The :func:`normal` words that occur ``min_freq`` times or more; any other is [UNK], and trains its vector."""
    return Vocabulary.of(Counter(normal(word) for words, _ in sentences for word in words)).limit(min_freq=min_freq)


Example = tuple[np.ndarray, np.ndarray]
"""The ids of a sentence's words, and of its tags, int64 [L]."""


def encode(sentences: Iterable[Sentence], vocabulary: Vocabulary, names: Sequence[str]) -> list[Example]:
    """Words, made :func:`normal`, and tags as ids."""
    ids = {name: i for i, name in enumerate(names)}
    return [
        (vocabulary.encode([normal(word) for word in words]), np.array([ids[tag] for tag in tags]))
        for words, tags in sentences
    ]


def make_loader(examples: Sequence[Example], batch_size: int, batching: str) -> "DataLoader":
    """Batches ``((ids, lengths), tags)``: int64 [B, L], [B], [B, L]; padded with 0. See :class:`ReviewSampler`."""
    from paddle.io import DataLoader

    longest = max(len(ids) for ids, _ in examples)
    sampler = ReviewSampler([len(ids) for ids, _ in examples], batch_size, batching)
    return DataLoader(list(examples), batch_sampler=sampler, collate_fn=partial(collate, longest=longest))


def collate(examples: Sequence[Example], longest: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Pad words and tags to the longest sentence of the batch; nothing is cut."""
    words, tags = zip(*examples, strict=True)
    return pad(words, longest), pad(tags, longest)[0]
