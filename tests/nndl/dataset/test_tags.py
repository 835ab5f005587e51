"""Tagged sentences: the scheme, the slots, ids and batches."""

from nndl.dataset.tagged import encode, make_loader, tag_names, vocabulary_of
from nndl.dataset.tags import Sentence, check, normal, slots
from nndl.error import DataError

import numpy as np
import pytest

TRAIN = [
    Sentence(("leave", "New", "York", "at", "5:30"), ("O", "B-city", "I-city", "O", "B-time")),
    Sentence(("leave", "Oslo"), ("O", "B-city")),
]
TEST = [Sentence(("leave", "7:45"), ("O", "B-date"))]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("O B-a", "3 words and 2 tags"),
        ("O B-a S-a", "tag 3, 'S-a': expected IOB2"),
        ("O b-a O", "tag 2, 'b-a'"),
        ("O B- O", "tag 2, 'B-'"),
        ("O [PAD] O", "expected IOB2"),
        ("O I-a O", "tag 2, 'I-a' after 'O'"),
        ("B-b I-a O", "begins with B-a"),
    ],
)
def test_what_is_no_iob2(tags: str, said: str) -> None:
    with pytest.raises(DataError, match=said.replace("[", r"\[")):
        check(("x", "y", "z"), tags.split())


def test_iob2() -> None:
    for tags in ("O O O", "B-a I-a I-a", "B-a B-a O", "B-a I-a B-b", "B-a.b_c I-a.b_c O"):
        check(("x", "y", "z"), tags.split())
    with pytest.raises(DataError, match="at least one"):
        check((), ())


def test_slots_are_seqevals() -> None:
    from seqeval.metrics.sequence_labeling import get_entities

    rng = np.random.default_rng(0)
    for _ in range(200):
        tags = rng.choice(["O", "B-a", "I-a", "B-b", "I-b"], size=8).tolist()
        assert slots(tags) == [(kind, start, end + 1) for kind, start, end in get_entities(tags)]


def test_ids() -> None:
    names = tag_names({"train": TRAIN, "dev": [], "test": TEST})
    assert names == ["[PAD]", "O", "B-city", "B-date", "B-time", "I-city"]
    vocabulary = vocabulary_of(TRAIN, min_freq=1)
    assert set(vocabulary.words) == {"[PAD]", "[UNK]", "leave", "new", "york", "at", "0:00", "oslo"}
    assert vocabulary_of(TRAIN, min_freq=2).words == ("[PAD]", "[UNK]", "leave")
    [(ids, tags)] = encode(TEST, vocabulary, names)
    assert [vocabulary.words[i] for i in ids] == ["leave", "0:00"]  # any time is the same word
    assert tags.tolist() == [1, 3]
    assert normal("Straße7") == "straße0"


def test_batches_hold_every_sentence_once_and_whole() -> None:
    vocabulary, names = vocabulary_of(TRAIN), tag_names({"train": TRAIN})
    examples = encode(TRAIN * 5, vocabulary, names)
    for batching in ("bucket", "shuffle", "sorted"):
        loader, found = make_loader(examples, 3, batching), []
        assert len(loader) == 4
        for (ids, lengths), tags in loader:
            assert ids.shape == tags.shape
            for row, row_of_tags, n in zip(ids.numpy(), tags.numpy(), lengths.numpy(), strict=True):
                assert not row[n:].any()
                assert not row_of_tags[n:].any()
                found.append((row[:n].tolist(), row_of_tags[:n].tolist()))
        assert sorted(found) == sorted((ids.tolist(), tags.tolist()) for ids, tags in examples)
