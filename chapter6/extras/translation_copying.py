"""A translation that needs no network: copied from the nearest sentence of train (抄最近一句的译文).

What a network must beat. A sentence is translated as that sentence of train is with which it shares most of its words
and pairs of words, by Dice's coefficient:

    2 · shared / (n-grams of the one + n-grams of the other)
"""

from collections.abc import Sequence
from typing import TypeVar

from nndl.needed import needed

Target = TypeVar("Target")
LONGEST = 2
"""Words, and pairs of words."""


def n_grams(words: Sequence[str]) -> list[tuple[str, ...]]:
    """All n-grams of a sentence, with a mark at both ends.

    >>> n_grams(["hi"])
    [('<',), ('hi',), ('>',), ('<', 'hi'), ('hi', '>')]
    """
    words = ["<", *words, ">"]
    return [tuple(words[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1)]


def copy_nearest(
    sources: Sequence[Sequence[str]], targets: Sequence[Target], asked: Sequence[Sequence[str]]
) -> list[Target]:
    """For each sentence that is asked for the target of the nearest source; of equally near ones the first.

    Args:
        sources, targets: of train, N of each.
        asked: the words of the sentences to be translated.
    """
    with needed("scikit-learn", "copying the nearest sentence"):
        from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(analyzer=n_grams, binary=True, dtype="float32")
    S = vectorizer.fit_transform(sources)
    A = vectorizer.transform(asked)
    # 共有的 n-gram 数   [asked, N], sparse
    shared = (A @ S.T).tocsr()
    size_S = S.sum(axis=1).A1
    chosen = []
    for row, words in zip(shared, asked, strict=True):
        dice = 2 * row.data / (len(set(n_grams(words))) + size_S[row.indices])
        best = row.indices[dice == dice.max()].min()
        chosen.append(targets[best])
    return chosen
