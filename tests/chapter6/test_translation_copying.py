"""The nearest sentence of train, against a loop over all of them."""

import random

from chapter6.extras.translation_copying import copy_nearest, n_grams


def test_nearest_is_that_of_a_loop() -> None:
    rng = random.Random(0)
    sentences = [[rng.choice("abcdef") for _ in range(rng.randint(1, 6))] for _ in range(60)]
    train, asked = sentences[:40], [*sentences[40:], ["unknown"]]

    def dice(one: list[str], other: list[str]) -> float:
        a, b = set(n_grams(one)), set(n_grams(other))
        return 2 * len(a & b) / (len(a) + len(b))

    expected = [max(range(40), key=lambda i: (round(dice(train[i], words), 9), -i)) for words in asked]
    found = copy_nearest(train, list(range(40)), asked)
    assert found == expected
