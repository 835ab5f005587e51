"""Tagged sentences as ids, and in batches (标注语料的编号与批次)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

from nndl.dataset.batching import ReviewSampler, pad
from nndl.dataset.tags import OUTSIDE, PAD, Sentence, Sentences, normal
from nndl.dataset.text import Vocabulary

import numpy as np
from paddle.io import DataLoader


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


def make_loader(examples: Sequence[Example], batch_size: int, batching: str) -> DataLoader:
    """Batches ``((ids, lengths), tags)``: int64 [B, L], [B], [B, L]; padded with 0. See :class:`ReviewSampler`."""
    longest = max(len(ids) for ids, _ in examples)
    sampler = ReviewSampler([len(ids) for ids, _ in examples], batch_size, batching)
    return DataLoader(list(examples), batch_sampler=sampler, collate_fn=partial(collate, longest=longest))


def collate(examples: Sequence[Example], longest: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Pad words and tags to the longest sentence of the batch; nothing is cut."""
    words, tags = zip(*examples, strict=True)
    return pad(words, longest), pad(tags, longest)[0]
