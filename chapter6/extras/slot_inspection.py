"""Slot filling: the tags of sentences, of test or the reader's own, by trained models (观察槽位填充模型)."""

from collections.abc import Mapping, Sequence
from typing import Any

import nndl
from nndl.dataset import flights
from nndl.dataset.tagged import Example, collate, encode
from nndl.dataset.tags import OUTSIDE, Sentence, normal
from nndl.dataset.text import UNK, Vocabulary

import numpy as np
import paddle

AT_ONCE = 64
"""Sentences that are tagged together."""


def tag(runner: nndl.RunnerV3, examples: Sequence[Example]) -> list[np.ndarray]:
    """The ids of the tags of each sentence, int64 [L], in the order given."""
    found = []
    for start in range(0, len(examples), AT_ONCE):
        some = examples[start : start + AT_ONCE]
        (ids, lengths), _ = collate(some, max(len(ids) for ids, _ in some))
        logits = runner.predict((paddle.to_tensor(ids), paddle.to_tensor(lengths)))
        # 每个词取得分最高的标记   of each word the tag with the highest score
        found += [row[:n] for row, n in zip(logits.argmax(axis=-1).numpy(), lengths, strict=True)]
    return found


EXAMPLES = {
    flights.WORDS: ("arrive Taipei on November 2nd", "leave Taipei on November 2nd"),
    flights.CHARACTERS: ("十一月二日抵达台北", "十一月二日离开台北"),
}
"""The two sentences of the notes."""


def units_of(corpus: str) -> str:
    """What is tagged, words or characters (按词或按字)."""
    return flights.LANGUAGES[corpus].units if corpus in flights.LANGUAGES else flights.WORDS


def read(text: str, corpus: str, vocabulary: Vocabulary) -> list[str]:
    """The words of a reader's own text, or its characters; marks at the ends of an unknown word are left out."""
    words = flights.split_text(text, units_of(corpus))
    known = [word if normal(word) in vocabulary.index else word.strip(',.;:?!"()，。？！') for word in words]
    return [word for word in known if word]


def ask(runner: nndl.RunnerV3, words: Sequence[str], vocabulary: Vocabulary, names: Sequence[str]) -> list[str]:
    """The tags of one sentence."""
    [found] = tag(runner, encode([Sentence(tuple(words), (OUTSIDE,) * len(words))], vocabulary, names))
    return [names[i] for i in found]


def look(
    runners: Mapping[str, nndl.RunnerV3],
    corpus: str,
    test: Sequence[Sentence],
    vocabulary: Vocabulary,
    names: Sequence[str],
) -> dict[str, Any]:
    """What several models say: of the two sentences of the notes, and of some of test.

    Returns ``examples``: words, and for each model the tags; ``sentences``, the most telling ones of test, each with
    its words, true tags, and those of each model; ``unknown``, for each sentence of test whether a word is [UNK]; and
    ``outside``, the share of words of test that belong to no slot.
    """
    texts = [read(text, corpus, vocabulary) for text in EXAMPLES[units_of(corpus)]]
    said = {name: [ask(runner, words, vocabulary, names) for words in texts] for name, runner in runners.items()}
    examples = encode(test, vocabulary, names)
    tagged = {name: tag(runner, examples) for name, runner in runners.items()}
    shown = [
        {
            "words": test[n].words,
            "true": test[n].tags,
            "tags": {name: [names[i] for i in predicted[n]] for name, predicted in tagged.items()},
        }
        for n in most_telling(tagged, examples, names)
    ]
    every = [tag for _, tags in test for tag in tags]
    return {
        "examples": {"words": texts, "tags": said},
        "sentences": shown,
        "unknown": [bool((ids == UNK).any()) for ids, _ in examples],
        "outside": every.count(OUTSIDE) / len(every),
    }


MOST_KINDS = 6
"""Of slot, in the sentence that is drawn: so many colours there are."""
SHOWN = 6
"""Sentences of test that a reader looks at."""


def most_telling(
    tagged: Mapping[str, Sequence[np.ndarray]], test: Sequence[Example], names: Sequence[str]
) -> list[int]:
    """Numbers of :data:`SHOWN` sentences: first those that can be drawn, that nearest to half of the models get right.

    Such a sentence has 6 to 16 words, and in it the models and the truth know at most :data:`MOST_KINDS` kinds of slot.
    """

    def distance(n: int) -> tuple[bool, float]:
        ids, true = test[n]
        said = [predicted[n] for predicted in tagged.values()]
        right = sum(bool((tags == true).all()) for tags in said)
        kinds = {names[i][2:] for tags in (true, *said) for i in tags} - {""}
        return not (6 <= len(ids) <= 16 and len(kinds) <= MOST_KINDS), abs(right - len(tagged) / 2)

    return sorted(range(len(test)), key=distance)[:SHOWN]
