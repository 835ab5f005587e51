"""A small synthetic corpus of film reviews whose label depends on the order of the words, not on which words occur.

It needs no network. Nobody wrote these reviews: they are put together from templates, by a seed. Two things decide:

* negation (否定): "the plot was not bad at all" praises, with the word "bad" in it;
* contrast (转折): "the cast was great, yet the plot was dull" and "the plot was dull, yet the cast was great" hold the
  same words.

Both are drawn so that, over the corpus, neither a good or a bad word nor "not" nor "yet" says anything by itself, but
for :data:`PLAIN_SHARE` of the reviews. A bag of words (词袋) therefore fails where a recurrent network can succeed.

And a network can overfit (过拟合), as on real reviews. :data:`NOISE` of the reviews, in every split, have the label
that their words do not say, as a reviewer slips, or means it the other way; and most sentences name people and places,
each of which is in few reviews. A network that has learned what can be learned goes on to learn by heart which names go
with which label: its training loss falls, its dev loss rises. How soon depends on the number of reviews: trained on
half of them, a bidirectional LSTM (preset quick of section 6.7) turns after five or six epochs, at a test accuracy of
0.82 to 0.87, and a bag of words stays below 0.6; on all of them it comes to 0.9, the most that the noise leaves.
"""

import random

from nndl.dataset.text import SPLITS, Corpus, index_texts
from nndl.error import SettingError

SIZES = {"train": 5_000, "dev": 1_000, "test": 2_000}
MIN_WORDS, MAX_WORDS = 20, 50
"""A review may be up to four words shorter, where no other sentence fits."""
PLAIN_SHARE = 0.3
"""Reviews with one plain opinion, which a bag of words can read as well."""
CONTRAST_SHARE = 0.3
"""Of the others, those with a second opinion that does not count."""
NOISE = 0.1
"""Reviews with the wrong label: no model reaches more than an accuracy of one minus this, but by luck."""
DATA_SEED = 0

_ADJECTIVES = {
    True: "great good wonderful brilliant charming funny moving clever lovely superb gripping fresh".split(),
    False: "bad awful boring dull weak silly terrible clumsy lifeless tedious shallow stale".split(),
}
_ASPECTS = "plot acting music ending cast dialogue humour script story picture beginning camera".split()
_NEGATED = (
    "the {aspect} was not {adjective} at all",
    "the {aspect} was never {adjective}",
    "nobody could call the {aspect} {adjective}",
    "I did not find the {aspect} {adjective}",
)
_PLAIN = (
    "the {aspect} was really {adjective}",
    "I found the {aspect} quite {adjective}",
    "I must say the {aspect} was {adjective}",
    "the {aspect} is {adjective} throughout",
)
_CONTRASTS = (  # the opinion that counts comes last in half of them, first in the others
    "{other}, yet {verdict}",
    "although {other}, {verdict}",
    "{verdict}, even though {other}",
    "{verdict}, which makes up for this: {other}",
)
_FILLERS = (  # the words that turn an opinion occur in these as well
    "we saw it on a {day} evening",
    "my {person} had chosen the film",
    "the cinema of {name} was far away, yet we walked",
    "I had not heard of {name} before",
    "it runs for about {number} minutes",
    "the story takes place in {name}, a town by the sea",
    "my {person} did not come with us",
    "{name} plays the {person} of {other}",
    "even though it rained in {name}, the room was full",
    "I never read the book by {name} it is based on",
    "the film was made {number} years ago in {name}",
    "it was directed by {name}",
    "although it was late, my {person} bought a ticket",
    "{name} travels to {other} by train",
    "this is the second film of {name}",
    "nobody in our row knew {name}",
)
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_PERSONS = "brother sister friend neighbour teacher mother father cousin".split()
_NUMBERS = "ten twelve twenty thirty forty fifty ninety".split()
_NAMES = [
    start + end
    for start in "Ba Be Bo Da De Do Fa Fe Ga Go Ha He Ka Ke La Le Ma Me Na Ne Pa Pe Ra Re Sa Se Ta Te Va Ve".split()
    for end in (
        "bin dal den dor fan gard kin lan lin mar men mont nell ner nov rick rin sen son tan ter ton vel vin wick "
        "bert gor lund mund zin"
    ).split()
]


def generate(number: int, rng: random.Random, taken: set[str] | None = None) -> list[tuple[str, int]]:
    """Pairs of a review and its label, 1 for positive; every second one is positive.

    Args:
        number: how many.
        rng: draws everything.
        taken: reviews that must not come again; the new ones are added.

    Raises:
        SettingError: number under 1.
    """
    if number < 1:
        raise SettingError(f"number {number}: expected at least 1 review")
    taken = set() if taken is None else taken
    examples = []
    while len(examples) < number:
        is_positive = len(examples) % 2 == 1
        text = _review(is_positive != (rng.random() < NOISE), rng)
        if text not in taken:
            taken.add(text)
            examples.append((text, int(is_positive)))
    return examples


def load(tokenizer: str, seed: int = DATA_SEED, sizes: dict[str, int] | None = None) -> Corpus:
    """The corpus, made anew; the same seed makes the same one, and no review is in two splits."""
    taken: set[str] = set()
    sizes = sizes or SIZES
    examples = {split: generate(sizes[split], random.Random(f"{seed}/{split}"), taken) for split in SPLITS}
    texts = {split: [text for text, _ in pairs] for split, pairs in examples.items()}
    labels = {split: [label for _, label in pairs] for split, pairs in examples.items()}
    vocabulary, reviews = index_texts(texts, labels, tokenizer)
    return Corpus("small", tokenizer, vocabulary, reviews, dict(texts))


def _review(is_positive: bool, rng: random.Random) -> str:
    """Sentences that say nothing, and among them the one that decides."""
    sentences = [_opinion(is_positive, rng)]
    left = rng.randint(MIN_WORDS, MAX_WORDS) - _count(sentences[0])
    for form in rng.sample(_FILLERS, len(_FILLERS)):
        if _count(form) <= left:
            sentences.append(_fill(form, rng))
            left -= _count(form)
    rng.shuffle(sentences)
    return " ".join(sentence[0].upper() + sentence[1:] + "." for sentence in sentences)


def _opinion(is_positive: bool, rng: random.Random) -> str:
    if rng.random() < PLAIN_SHARE:
        return _clause(is_positive, False, rng)
    verdict = _clause(is_positive, rng.random() < 0.5, rng)
    if rng.random() >= CONTRAST_SHARE:
        return verdict
    other = _clause(not is_positive, rng.random() < 0.5, rng)
    return rng.choice(_CONTRASTS).format(verdict=verdict, other=other)


def _clause(is_positive: bool, is_negated: bool, rng: random.Random) -> str:
    """An opinion; negated, it takes an adjective of the opposite kind."""
    form = rng.choice(_NEGATED if is_negated else _PLAIN)
    return form.format(aspect=rng.choice(_ASPECTS), adjective=rng.choice(_ADJECTIVES[is_positive != is_negated]))


def _fill(form: str, rng: random.Random) -> str:
    words = {"day": _DAYS, "person": _PERSONS, "number": _NUMBERS, "name": _NAMES, "other": _NAMES}
    return form.format(**{kind: rng.choice(choices) for kind, choices in words.items()})


def _count(sentence: str) -> int:
    return len(sentence.split())
