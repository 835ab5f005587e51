"""6.1, three tasks that a network learns in seconds (三个生成的任务), put together by a seed. Needs no Paddle.

None of them can be done word by word: what decides stands somewhere before.
三个任务都不能逐词完成：起决定作用的词在前面某处。

What is held out is new: no sentence of dev or test, and no number, is in train.
"""

import random
from collections.abc import Callable, Sequence
from itertools import islice
from statistics import fmean
from typing import Any

UNK_WORD = "[UNK]"
DATA_SEED = 0
HELD_OUT = 400
"""Examples of dev, of test, and of each further test."""

TESTS = ("test", "new", "longer")
"""The splits that a trained network is judged on; the last two are of sentences alone."""

Example = tuple[list[str], list[str]]
"""Words, and the answer: one word, a class; a word for each, its tag; or any number of other words."""

# --- 航班: 同步的序列到序列 flights: synchronous ---

CITIES = (
    "taipei beijing shanghai shenzhen chengdu xiamen tokyo osaka seoul hanoi bangkok manila delhi dubai istanbul "
    "athens rome milan paris lyon london dublin madrid lisbon berlin vienna oslo boston chicago denver"
).split()
NEW_CITIES = "kyoto lhasa hefei warsaw geneva helsinki havana lima cairo nairobi".split()
"""In no sentence of train: to a network they are [UNK], and only what stands before says which slot they fill."""
HIDDEN = 0.2
"""Of the cities of train so many are written [UNK], that a network may learn what an unknown word can be."""
VERBS = (("leave", "arrive"), ("quit", "reach"), ("depart from", "arrive in"), ("fly from", "fly to"))
"""Of departure and of destination; a sentence with the other one of each pair is its mirror image (镜像句)."""
OPENINGS = ("", "", "i want to", "we would like to", "they have to", "please let me")
APPOSITIONS = ("", "", "the city of", "beautiful", "rainy")
MONTHS = "january february march april may june july august september october november december".split()
DAYS = "1st 2nd 3rd 4th 5th 6th 7th 8th 9th 10th 11th 12th 13th 14th 15th 16th 17th 18th 19th 20th".split()
DEPARTURE, DESTINATION = "departure", "destination"
NO_SLOT = "O"
"""The tag of a word that fills no slot (槽)."""
OF_THE_COURSE = {"leave Taipei on November 2nd": DEPARTURE, "arrive Taipei on November 2nd": DESTINATION}
"""The pair of the lecture, and the slot that Taipei fills; in no split."""


def flights(draw: random.Random, parts: int, cities: Sequence[str] = CITIES) -> list[Example]:
    """A sentence of so many parts, a city each, and its mirror image: the same cities, each in the other slot.

    >>> for words, tags in flights(random.Random(5), parts=1):
    ...     print(*words, "·", *tags)
    they have to arrive in rainy taipei · O O O O O O destination
    they have to depart from rainy taipei · O O O O O O departure
    """
    opening = draw.choice(OPENINGS).split()
    sentences = [(list(opening), ["O"] * len(opening)) for _ in range(2)]
    for part in range(parts):
        verbs, slot = draw.choice(VERBS), draw.randrange(2)
        link, apposition, city = ["and"] if part else [], draw.choice(APPOSITIONS).split(), draw.choice(cities)
        for (words, tags), which in zip(sentences, (slot, 1 - slot), strict=True):
            before = [*link, *verbs[which].split(), *apposition]
            words += [*before, city]
            tags += ["O"] * len(before) + [(DEPARTURE, DESTINATION)[which]]
    date = ["on", draw.choice(MONTHS), draw.choice(DAYS)] if draw.random() < 0.7 else []
    return [(words + date, tags + ["O", "date", "date"][: len(date)]) for words, tags in sentences]


def flight_splits(examples: int) -> dict[str, list[Example]]:
    """Sentences of one or two cities, each beside its mirror image; "new" has new cities, "longer" four of them."""
    draw = random.Random(DATA_SEED)
    seen = {key_of([(text.lower().split(), ["O", slot, "O", "date", "date"]) for text, slot in OF_THE_COURSE.items()])}

    def some(count: int, parts: Sequence[int], cities: Sequence[str] = CITIES) -> list[Example]:
        pairs = distinct(lambda: flights(draw, draw.choice(parts), cities), count // 2, seen)
        return [sentence for pair in pairs for sentence in pair]

    held_out = {"dev": some(HELD_OUT, (1, 2)), "test": some(HELD_OUT, (1, 2))}
    held_out |= {"new": some(HELD_OUT, (1, 2), NEW_CITIES), "longer": some(HELD_OUT, (4,))}
    return held_out | {"train": [hide(draw, *sentence) for sentence in some(examples, (1, 2))]}


def hide(draw: random.Random, words: list[str], tags: list[str]) -> Example:
    """A sentence some of whose cities are unknown."""
    slots = (DEPARTURE, DESTINATION)
    pairs = zip(words, tags, strict=True)
    return [UNK_WORD if tag in slots and draw.random() < HIDDEN else word for word, tag in pairs], tags


# --- 评价: 序列到类别 opinions: sequence to class ---

GOOD, BAD = "good great charming moving clever".split(), "bad awful boring silly dull".split()
ASPECTS = "film plot cast music ending humour".split()
DEGREES = ("", "very", "really", "quite")


def opinion(draw: random.Random) -> Example:
    """One to three opinions with "but" between them, of which the last counts; "not" turns one.

    >>> words, answer = opinion(random.Random(8))
    >>> print(*words, "·", *answer)
    the film is not very good · negative
    """
    words, is_positive = [], False
    for part in range(draw.randint(1, 3)):
        is_good, is_turned = draw.random() < 0.5, draw.random() < 0.5
        link, turn = ["but"] if part else [], ["not"] if is_turned else []
        degree, adjective = draw.choice(DEGREES).split(), draw.choice(GOOD if is_good else BAD)
        words += [*link, "the", draw.choice(ASPECTS), "is", *turn, *degree, adjective]
        is_positive = is_good != is_turned
    return words, ["positive" if is_positive else "negative"]


def opinion_splits(examples: int) -> dict[str, list[Example]]:
    """Opinions, no two alike."""
    draw, seen = random.Random(DATA_SEED), set[str]()
    sizes = {"dev": HELD_OUT, "test": HELD_OUT, "train": examples}
    return {split: distinct(lambda: opinion(draw), count, seen) for split, count in sizes.items()}


# --- 数字: 异步的序列到序列 numerals: asynchronous ---

MOST = 9999
DIGITS, UNITS = "零一二三四五六七八九", {1000: "千", 100: "百", 10: "十", 1: ""}
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_chinese(n: int) -> list[str]:
    """A number's characters: 零 stands once for the zeros between two digits, and 10 to 19 begin with 十.

    >>> ["".join(in_chinese(n)) for n in (105, 1050, 15, 2026)]
    ['一百零五', '一千零五十', '十五', '二千零二十六']
    """
    written, has_gap = "", False
    for unit, name in UNITS.items():
        digit = n // unit % 10
        if digit:
            written += ("零" if has_gap and written else "") + DIGITS[digit] + name
        has_gap = not digit
    return list(written.removeprefix("一") if 10 <= n < 20 else written)


def in_english(n: int) -> list[str]:
    """A number's words.

    >>> [" ".join(in_english(n)) for n in (105, 1050, 15, 2026)]
    ['one hundred and five', 'one thousand and fifty', 'fifteen', 'two thousand and twenty six']
    """
    words = []
    for unit, name in ((1000, "thousand"), (100, "hundred")):
        if n >= unit:
            words += [ONES[n // unit], name]
            n %= unit
    if n and words:
        words.append("and")
    if n >= len(ONES):
        words.append(TENS[n // 10])
        n %= 10
    return words + ([ONES[n]] if n else [])


def numeral_splits(examples: int) -> dict[str, list[Example]]:
    """Numbers from 1 to :data:`MOST`, no two alike, each in Chinese and in English; the answer is its digits."""
    sizes = {"dev": HELD_OUT, "test": HELD_OUT, "train": examples}
    numbers = iter(random.Random(DATA_SEED).sample(range(1, MOST + 1), sum(sizes.values()) // 2))
    return {
        split: [(write(n), list(str(n))) for n in islice(numbers, count // 2) for write in (in_chinese, in_english)]
        for split, count in sizes.items()
    }


# --- 互不相同 no two alike ---


def distinct(make: Callable[[], Any], count: int, seen: set[str]) -> list:
    """So many things, each unlike those seen before."""
    found = []
    while len(found) < count:
        thing = make()
        if key_of(thing) not in seen:
            seen.add(key_of(thing))
            found.append(thing)
    return found


def key_of(thing: Any) -> str:
    """What two things that are alike share; a pair in either order is the same pair."""
    return str(sorted(thing) if isinstance(thing, list) else thing)


# --- 评分 scores ---


def score(examples: Sequence[Example], answers: Sequence[list[str]]) -> dict[str, float]:
    """How good the answers are.

    Returns:
        "whole", the share of answers that are right as a whole; and, where cities fill slots, "slots", the share of
        these that are tagged right, and "share", that of these words among all.
    """
    wholes, words, slots = [], 0, []
    for (_, answer), found in zip(examples, answers, strict=True):
        wholes.append(found == answer)
        words += len(answer)
        slots += [said == tag for said, tag in zip(found, answer, strict=False) if tag in (DEPARTURE, DESTINATION)]
    of_slots = {"slots": fmean(slots), "share": len(slots) / words} if slots else {}
    return {"whole": fmean(wholes), **of_slots}
