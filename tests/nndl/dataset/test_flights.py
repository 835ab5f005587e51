"""The generated questions: their tags are IOB2 and those of the templates; what is held out is held out."""

import re

from nndl.dataset import flights
from nndl.dataset.tags import check, slots
from nndl.dataset.text import SPLITS

import pytest

SIZES = {"train": 300, "dev": 100, "test": 200}
BOTH = list(flights.LANGUAGES)


@pytest.fixture(scope="module", params=BOTH)
def named(request: pytest.FixtureRequest) -> tuple:
    return request.param, flights.load(request.param, sizes=SIZES)


def test_sentences_are_what_was_asked_for(named: tuple) -> None:
    name, corpus = named
    assert {split: len(sentences) for split, sentences in corpus.items()} == SIZES
    assert flights.load(name, sizes=SIZES) == corpus
    assert flights.load(name, seed=1, sizes=SIZES) != corpus
    every = [sentence for split in SPLITS for sentence in corpus[split]]
    assert len(set(every)) == len(every)
    for sentence in every:
        check(*sentence)


def text(sentence, language) -> tuple[str, list[tuple[str, str]]]:
    """The template that a sentence comes from, its slots as places; and its slots."""
    between, parts, found, at = " " if language.units == flights.WORDS else "", [], [], 0
    for kind, start, end in slots(sentence.tags):
        parts += [*sentence.words[at:start], f"{{{kind}}}"]
        found.append((kind, between.join(sentence.words[start:end])))
        at = end
    return between.join([*parts, *sentence.words[at:]]), found


def test_every_value_is_of_its_kind_and_stands_once(named: tuple) -> None:
    name, corpus = named
    language = flights.LANGUAGES[name]
    for split in SPLITS:
        for sentence in corpus[split]:
            found = text(sentence, language)[1]
            assert len({value for _, value in found}) == len(found)
            for kind, value in found:
                assert value in language.values[kind.rpartition("_")[2]], (kind, value)


def test_no_template_of_train_is_in_test(named: tuple) -> None:
    name, corpus = named
    language = flights.LANGUAGES[name]
    seen = {split: {text(sentence, language)[0] for sentence in corpus[split]} for split in SPLITS}
    assert not seen["train"] & (seen["dev"] | seen["test"])
    assert not seen["dev"] & seen["test"]


def test_some_names_are_in_one_split_alone(named: tuple) -> None:
    name, corpus = named
    language = flights.LANGUAGES[name]
    cities = {
        split: {value for s in corpus[split] for kind, value in text(s, language)[1] if re.fullmatch(r"\w+_city", kind)}
        for split in SPLITS
    }
    assert language.values["city"][0] in cities["train"]
    assert len(cities["test"] - cities["train"]) >= 8
    assert len(cities["dev"] - cities["train"]) >= 4
    assert not (cities["test"] - cities["train"]) & (cities["dev"] - cities["train"])


def test_a_city_is_an_origin_as_often_as_a_destination() -> None:
    corpus = flights.load("flights")
    tags = [tag for sentence in corpus["train"] for tag in sentence.tags]
    origins, destinations = tags.count("B-from_city"), tags.count("B-to_city")
    assert abs(origins - destinations) < 0.1 * (origins + destinations)
