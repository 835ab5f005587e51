"""Addition and scheduled sampling: the paper's schedules, the errors, and what the model writes by itself."""

from argparse import Namespace

from chapter6.__main__ import main
from chapter6.extras import addition_by_characters as lesson
from chapter6.extras.presets.addition import Addition
from nndl import GRU
from nndl.dataset.pairs import EOS, collate, encode, until_end, vocabularies
from nndl.error import SettingError
from nndl.generate import generate
from nndl.model.seq2seq import Seq2Seq

import numpy as np
import paddle
import pytest

N = 400


@pytest.mark.parametrize("name", ["linear", "exponential", "sigmoid"])
def test_a_schedule_falls_from_the_truth_to_its_own_words(name: str) -> None:
    epsilon = lesson.SCHEDULES[name](N)
    values = np.array([epsilon(i) for i in range(N + 1)])
    assert values[0] > 0.97
    assert values[-1] < 0.03
    assert np.all(np.diff(values) < 0)
    if name == "linear":
        assert np.ptp(np.diff(values)) < 1e-12
    elif name == "exponential":
        assert np.ptp(values[1:] / values[:-1]) < 1e-12
    else:  # k / (k + e^{i/k}): with k read off its start, 1/(1 - 1/(k+1))
        k = values[0] / (1 - values[0])
        assert values == pytest.approx(k / (k + np.exp(np.arange(N + 1) / k)))
        assert values[N // 2] == pytest.approx(0.5)


def test_sampling_is_set_for_the_step_that_comes() -> None:
    model = Namespace(own_words=None)
    callback, found = lesson.ScheduledSampling(model, lambda i: 1 - i / 10), []
    callback.on_train_begin(Namespace(global_step=3))
    for step in range(3, 6):
        found.append(model.own_words)
        callback.on_step_end(Namespace(global_step=step))
    assert found == pytest.approx([0.3, 0.4, 0.5])


def test_errors_after_the_first_mistake() -> None:
    wrong = np.array([[0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=bool)
    is_there = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]], dtype=bool)
    assert lesson.after_mistake(wrong, is_there) == pytest.approx(1 / 4)  # behind: 1, 0 of the first; 0, 0
    assert lesson.after_mistake(wrong[2:], is_there[2:]) is None


def test_what_is_examined_is_what_generation_writes() -> None:
    paddle.seed(0)
    sums = lesson.make_sums(Addition(examples=64, batch_size=32))
    vocabulary = vocabularies(sums["train"])
    model = Seq2Seq(*map(len, vocabulary), 8, 16, "every", GRU)
    model.output.bias.set_value(paddle.randn(model.output.bias.shape))
    batch = collate(encode(sums["dev"], *vocabulary))
    found = lesson.examine(model, [batch], vocabulary[1])
    (source, lengths, words), labels = batch
    ids = generate(model.step, model.start(source, lengths), words[:, 0], labels.shape[1])
    written = ["".join(until_end(row, vocabulary[1])) for row in ids]
    wrong = [i for i, (_, answer) in enumerate(sums["dev"]) if written[i] != answer]
    assert [(a["truth"], a["own"]) for a in found["answers"]] == [(sums["dev"][i][1], written[i]) for i in wrong[:5]]
    assert found["whole_own"] == pytest.approx(1 - len(wrong) / len(written))
    assert found["errors"]["own"][0] == found["errors"]["truth"][0]  # [BOS] is what either is fed first
    assert EOS in labels.numpy()


def test_settings_that_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SettingError, match="batch_size 64: expected at most the examples, 3"):
        Addition(examples=3)
    with pytest.raises(SystemExit) as exit_:
        main(["run", "addition", "--digits", "1"])
    assert exit_.value.code == 2
    assert "4,000 sums of numbers up to 1 digits: expected at most 44" in capsys.readouterr().err
