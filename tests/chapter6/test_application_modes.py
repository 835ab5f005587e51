"""6.1: the tasks against other readers of them, the models against loops in NumPy, and what a reader may give."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import nndl
from chapter6 import sec_6_1_application_modes as lesson
from chapter6 import sec_6_1_figures as figures
from chapter6 import sec_6_1_findings as findings
from chapter6 import sec_6_1_tasks as tasks
from chapter6.contents import SECTIONS
from chapter6.lab.claim import FAILS, HOLDS, OPEN
from chapter6.lab.record import Record
from chapter6.lab.training import Training, train_one
from chapter6.presets import MODES
from nndl import plot

import numpy as np
import paddle
import pytest

ALL = {"class": tasks.opinion_splits, "synchronous": tasks.flight_splits, "asynchronous": tasks.numeral_splits}

# --- tasks ---


@pytest.mark.parametrize("mode", ALL)
def test_no_two_examples_of_two_splits_are_alike(mode: str) -> None:
    splits = ALL[mode](600)
    assert len(splits["train"]) == 600
    read = {split: {tuple(words) for words, _ in examples} for split, examples in splits.items()}
    for split in read.keys() - {"train"}:
        assert len(splits[split]) == tasks.HELD_OUT
        assert not read[split] & read["train"]
    assert ALL[mode](600) == splits


def test_the_pair_of_the_course_is_held_out() -> None:
    sentences = {" ".join(words) for examples in tasks.flight_splits(8000).values() for words, _ in examples}
    assert not {sentence.lower() for sentence in tasks.OF_THE_COURSE} & sentences


def test_each_city_is_as_often_left_as_reached() -> None:
    """So whoever sees the word alone has half of the slots right at most: chance is 1/2, whatever is answered."""
    for split in tasks.TESTS:
        counts: dict[str, list[int]] = {}
        for words, tags in tasks.flight_splits(100)[split]:
            for word, tag in zip(words, tags, strict=True):
                if tag in (tasks.DEPARTURE, tasks.DESTINATION):
                    counts.setdefault(word, [0, 0])[tag == tasks.DESTINATION] += 1
        assert all(left == reached for left, reached in counts.values())
        assert counts.keys() <= set(tasks.NEW_CITIES if split == "new" else tasks.CITIES)


def slots_by_rule(words: list[str]) -> list[str]:
    """The tags, by the verb that stands last before each city."""
    of_verb = {"leave": "departure", "quit": "departure", "depart": "departure", "from": "departure"}
    of_verb |= {"arrive": "destination", "reach": "destination", "to": "destination", "in": "destination"}
    tags, slot = [], ""
    for word in words:
        slot = of_verb.get(word, slot)
        is_city = word in (*tasks.CITIES, *tasks.NEW_CITIES)
        tags.append(slot if is_city else "date" if word in tasks.MONTHS or word[0].isdigit() else "O")
    return tags


def test_the_tags_follow_the_verbs() -> None:
    for split in ("dev", *tasks.TESTS):
        for words, tags in tasks.flight_splits(100)[split]:
            assert tags == slots_by_rule(words)


def test_the_last_opinion_counts() -> None:
    draw = random.Random(1)
    for words, [label] in (tasks.opinion(draw) for _ in range(300)):
        last = " ".join(words).split(" but ")[-1].split()
        assert (last[-1] in tasks.GOOD) == ((label == "positive") != ("not" in last))


def from_chinese(text: str) -> int:
    """A number in Chinese, read from left to right."""
    total, digit = 0, 0
    for sign in text:
        if sign in tasks.DIGITS:
            digit = tasks.DIGITS.index(sign)
        else:
            total += (digit or 1) * {"千": 1000, "百": 100, "十": 10}[sign]
            digit = 0
    return total + digit


def from_english(words: list[str]) -> int:
    values = {word: n for n, word in enumerate(tasks.ONES)} | {word: 10 * n for n, word in enumerate(tasks.TENS) if n}
    total, last = 0, 0
    for word in words:
        if word in ("hundred", "thousand"):
            total += last * (100 if word == "hundred" else 1000)
            last = 0
        elif word != "and":
            last += values[word]
    return total + last


def test_every_number_is_read_as_it_was_written() -> None:
    for n in range(1, tasks.MOST + 1):
        assert from_chinese("".join(tasks.in_chinese(n))) == n
        assert from_english(tasks.in_english(n)) == n
    assert "".join(tasks.in_chinese(110)) == "一百一十"
    assert "".join(tasks.in_chinese(9009)) == "九千零九"


def test_scores_by_hand() -> None:
    examples = [(["leave", "rome"], ["O", "departure"]), (["enter", "rome"], ["O", "destination"])]
    found = tasks.score(examples, [["O", "departure"], ["O", "departure"]])
    assert found == {"whole": 0.5, "slots": 0.5, "share": 0.5}
    assert tasks.score([(["一"], ["1"])], [["1", "1"]]) == {"whole": 0.0}  # one that does not stop is wrong


# --- models ---


def values_of(mode: str, model: str) -> dict[str, Any]:
    return {"mode": mode, "model": model, "input_size": 4, "hidden_size": 5}


def make(mode: str, model: str = "SRN") -> tuple[Any, lesson.Data]:
    paddle.seed(0)
    data = lesson.make_data(mode, 40)
    made = lesson.make_model(values_of(mode, model), data)
    return made, data


def srn_by_hand(layer: Any, X: np.ndarray, H: np.ndarray) -> list[np.ndarray]:
    """H_t of every step, for one sequence [L, M]."""
    W, U, b = (parameter.numpy() for parameter in (layer.W, layer.U, layer.b))
    states = []
    for x in X:
        H = np.tanh(x @ W + H @ U + b.reshape(-1))
        states.append(H)
    return states


def scores_by_hand(model: Any, H: list[np.ndarray]) -> np.ndarray:
    return np.stack(H) @ model.linear.weight.numpy() + model.linear.bias.numpy()


def test_the_classifier_uses_the_state_after_the_last_word() -> None:
    model, data = make("class")
    (ids, lengths), _ = data.batch(data.splits["dev"][:6])
    assert len(set(lengths.tolist())) > 1  # so some are padded
    found = model((ids, lengths)).numpy()
    for row, length, scores in zip(ids.numpy(), lengths.tolist(), found, strict=True):
        H = srn_by_hand(model.layer, model.embedding.W.numpy()[row[:length]], np.zeros(5))
        assert np.allclose(scores, scores_by_hand(model, H)[-1], atol=1e-5)


def test_the_tagger_uses_the_state_of_every_word() -> None:
    model, data = make("synchronous")
    (ids, lengths), _ = data.batch(data.splits["dev"][:6])
    found = model((ids, lengths)).numpy()
    for row, length, scores in zip(ids.numpy(), lengths.tolist(), found, strict=True):
        H = srn_by_hand(model.layer, model.embedding.W.numpy()[row[:length]], np.zeros(5))
        assert np.allclose(scores[:length], scores_by_hand(model, H), atol=1e-5)


def test_without_the_connection_over_time_an_srn_is_the_feed_forward_layer() -> None:
    srn, feed_forward = nndl.SRN(4, 5), lesson.FeedForward(4, 5)
    srn.U.set_value(paddle.zeros_like(srn.U))
    feed_forward.linear.weight.set_value(srn.W)
    feed_forward.linear.bias.set_value(srn.b.reshape([-1]))
    X = paddle.randn([2, 3, 4])
    assert np.allclose(srn(X)[0].numpy(), feed_forward(X)[0].numpy(), atol=1e-6)


def test_the_translator_goes_on_from_where_the_reading_ends() -> None:
    model, data = make("asynchronous")
    (ids, lengths, before), after = data.batch(data.splits["dev"][:6])
    words = data.written.words
    for row, target, (_, answer) in zip(before.tolist(), after.tolist(), data.splits["dev"][:6], strict=True):
        assert [words[i] for i in row][: len(answer) + 1] == ["[BOS]", *answer]
        assert [words[i] for i in target][: len(answer) + 1] == [*answer, "[EOS]"]
    found = model((ids, lengths, before)).numpy()
    for row, length, fed, scores in zip(ids.numpy(), lengths.tolist(), before.numpy(), found, strict=True):
        *_, last = srn_by_hand(model.encoder, model.read.W.numpy()[row[:length]], np.zeros(5))
        H = srn_by_hand(model.decoder, model.written.W.numpy()[fed], last)
        assert np.allclose(scores, scores_by_hand(model, H), atol=1e-5)


@pytest.mark.parametrize("cell", ["SRN", "GRU", "LSTM"])
def test_what_it_writes_is_the_likeliest_each_time(cell: str) -> None:
    """Greedy decoding, by feeding the whole beginning again at every step."""
    model, data = make("asynchronous", cell)
    examples = data.splits["dev"][:5]
    words, index = data.written.words, data.written.index
    for example, found in zip(examples, lesson.answer(model, data, examples), strict=True):
        written = [index["[BOS]"]]
        (ids, lengths, _), _ = data.batch([example])
        while len(written) <= lesson.MOST_WRITTEN:
            scores = model((ids, lengths, paddle.to_tensor([written])))
            written.append(int(scores[0, -1].argmax()))
            if words[written[-1]] == "[EOS]":
                break
        assert found == [words[i] for i in written[1:] if words[i] != "[EOS]"]


@pytest.mark.parametrize("mode", ALL)
def test_answers_are_as_long_as_the_mode_says(mode: str) -> None:
    model, data = make(mode)
    examples = data.splits["dev"][:8]
    for (words, _), found in zip(examples, lesson.answer(model, data, examples), strict=True):
        lengths = {"class": [1], "synchronous": [len(words)], "asynchronous": range(lesson.MOST_WRITTEN + 1)}
        assert len(found) in lengths[mode]


def test_the_number_of_parameters_on_paper() -> None:
    for row in lesson.shared_weights(M=3, D=2, lengths=(1, 4)):
        L = row["length"]
        assert row["recurrent"] == 3 * 2 + 2 * 2 + 2
        assert row["feed_forward"] == 3 * L * 2 * L + 2 * L
        assert row["gap"] < 1e-6


def test_a_one_hot_vector_picks_a_row() -> None:
    found = lesson.words_as_vectors()
    assert sorted(found["one_hot"]) == [0] * (len(found["one_hot"]) - 1) + [1]
    assert found["product"] == pytest.approx(found["row"])


# --- verdicts ---


def record_of(slots: dict[str, list[float]], gap: float = 0.0) -> Record:
    """A made-up record: the share of slots right of each model and seed; what the two say of Taipei."""
    trainings, looks = [], []
    for model, shares in slots.items():
        for seed, share in enumerate(shares):
            scores = {split: {"whole": share, "slots": share, "share": 0.2} for split in tasks.TESTS}
            common = {"model": model, "seed": seed, "scores": scores, "test_accuracy": share}
            trainings += [{**common, "mode": mode} for mode in ALL]
            p = [{"O": 0.0, "departure": share, "destination": 1 - share, "date": 0.0}]
            p.append({"O": 0.0, "departure": share + gap, "destination": 1 - share - gap, "date": 0.0})
            if model == "SRN":
                p[1] = {"O": 0.0, "departure": 1 - share, "destination": share, "date": 0.0}
            sentences = [{"words": ["taipei"], "unknown": [False], "p": [each]} for each in p]
            looks.append({"model": model, "seed": seed, "sentences": [*sentences, sentences[0]]})
    shared = [{"length": L, "gap": 0.0, "recurrent": 9, "feed_forward": L} for L in (1, 2)]
    vectors = {"one_hot": [0, 1], "product": [0.5], "row": [0.5]}
    metrics = {"vectors": vectors, "shared": shared, "trainings": trainings, "looks": looks}
    return Record("6.1", "quick", {"cell": "SRN"}, [0, 1], 0.0, {}, metrics)


def verdicts(record: Record) -> dict[str, str]:
    return {claim.id: claim.verdict for claim in findings.claims(record)}


def test_verdicts_follow_the_numbers() -> None:
    good = verdicts(record_of({"SRN": [0.98, 0.99, 0.98], "feed-forward": [0.5, 0.5, 0.5]}))
    assert set(good.values()) == {HOLDS}
    bad = verdicts(record_of({"SRN": [0.3, 0.31, 0.3], "feed-forward": [0.6, 0.5, 0.5]}, gap=0.1))
    failing = {"same_answer", "told_apart", "at_chance", "above_chance", "longer", *(f"mode_{mode}" for mode in ALL)}
    assert {claim for claim, verdict in bad.items() if verdict == FAILS} == failing
    unsure = verdicts(record_of({"SRN": [0.99, 0.5, 0.95], "feed-forward": [0.5, 0.5, 0.5]}))
    assert unsure["above_chance"] == unsure["longer"] == unsure["mode_class"] == OPEN


# --- what a reader gives ---


def train_a_little(folder: Path, mode: str, **settings: Any) -> dict[str, Any]:
    values = {**values_of(mode, "SRN"), "seed": 0, "examples": 4, "epochs": 2, "batch_size": 2, "eval_steps": 2}
    training = Training(lesson.train, "little", {**values, "learning_rate": 0.01, **settings}, folder, "")
    return {**train_one(training, folder), "folder": str(folder)}


ODD = "Please leave $x$ 北京 " + "supercalifragilistic" * 3


def test_the_unknown_words_of_a_readers_sentence_are_said(tmp_path: Path) -> None:
    """With four sentences to learn from, too, where most words are unknown."""
    result = train_a_little(tmp_path, "synchronous")
    [found] = lesson.look(result, [ODD])["sentences"]
    assert found["words"][:2] == ["please", "leave"]
    assert found["unknown"][-1]
    known = {word for words, _ in tasks.flight_splits(4)["train"] for word in words}
    assert found["unknown"] == [word not in known for word in found["words"]]
    assert [sum(p.values()) for p in found["p"]] == pytest.approx([1] * len(found["words"]), abs=1e-5)


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("words", [["taipei"], ODD.lower().split(), ["word"] * 60])
def test_any_sentence_can_be_drawn(words: list[str], tmp_path: Path) -> None:
    record = record_of({"SRN": [0.9], "feed-forward": [0.5]})
    for each in record.metrics["looks"]:
        p = each["sentences"][0]["p"] * len(words)
        each["sentences"][-1] = {"words": words, "unknown": [True] * len(words), "p": p}
    with plot.style():
        figure = figures._sentences(record).figure
    plot.save({"sentences": figure}, tmp_path)
    shown = [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text().endswith(" ?")]
    assert len(shown) == len(words)


@pytest.mark.parametrize("mode", ["class", "synchronous"])
def test_a_training_that_diverges_says_so(mode: str, tmp_path: Path) -> None:
    assert "loss became" in train_a_little(tmp_path, mode, learning_rate=1e38, epochs=4)["diverged"]


def test_the_presets_are_the_lessons() -> None:
    assert SECTIONS["6.1"].presets is MODES
    assert replace(MODES["quick"], cell="LSTM").cell in lesson.LAYERS
    assert findings.FEED_FORWARD in lesson.LAYERS
