"""audit: what needs no training against counting, formulas and another layer; the language model against its window."""

import nndl
from chapter6.extras import quoted_numbers
from chapter6.extras.quoted_findings import PLACES, claims, tables
from chapter6.lab.claim import FAILS
from chapter6.lab.record import Record
from nndl.dataset import flights

import numpy as np
import paddle
import pytest
from paddle import nn


def test_the_error_of_the_mean_is_the_variance_of_two_uniform_numbers() -> None:
    errors = [quoted_numbers.always_the_mean(seed, 100_000) for seed in range(3)]
    assert np.mean(errors) == pytest.approx(1 / 6, abs=0.001)
    assert abs(np.mean(errors) - 0.1767) > 0.005


def test_the_last_output_in_reverse_is_one_step_of_paddles_cell() -> None:
    layer, X = nn.LSTM(3, 4, direction="bidirectional"), paddle.randn([2, 6, 3])
    outputs, _ = layer(X)
    one, _ = nn.RNN(layer[0].cell_bw)(X[:, -1:])
    assert np.allclose(outputs[:, -1, 4:].numpy(), one[:, 0].numpy(), atol=1e-6)
    found = quoted_numbers.last_output()
    assert found["reverse"] == 0
    assert found["forward"] > 0.01
    assert found["state"] > 0.01


def test_clipping_by_hand() -> None:
    found = quoted_numbers.clipping()
    assert found["norm"] == pytest.approx(np.sqrt(3**2 + 4**2 + 5**2))  # only 12 is above 5
    assert found["norm_cosine"] == pytest.approx((9 + 16 + 60) / (13 * np.sqrt(50)))
    assert found["global"] == pytest.approx(5)
    assert found["global_cosine"] == pytest.approx(1)


def test_who_tags_every_word_outside_by_counting() -> None:
    test = flights.load("flights")["test"]
    tags = [tag for sentence in test for tag in sentence.tags]
    found = quoted_numbers.always_outside()
    assert found["words"] == pytest.approx(tags.count("O") / len(tags))
    assert found["f1"] == 0
    assert found["words"] < found["with_padding"] < 1


def test_an_lstm_with_large_weights_explodes() -> None:
    norms = quoted_numbers.exploding(0, 20)
    assert norms[0] == pytest.approx(1)
    assert norms[-1] > 10


@pytest.mark.parametrize(("direction", "sees"), [("forward", False), ("bidirectional", True)])
def test_which_language_model_sees_its_target(direction: str, sees: bool) -> None:
    nndl.runtime.seed_everything(0)
    model = quoted_numbers.Both(11, 4, 5, direction)
    ids = paddle.randint(0, 11, [2, 6])
    other = ids.clone()
    other[:, 3] = (ids[:, 3] + 1) % 11  # the target of step 2
    change = (model((ids, False)) - model((other, False))).abs()[:, 2].max().item()
    assert (change > 1e-4) is sees


def test_every_quoted_number_has_a_claim_and_a_place() -> None:
    trained = {"train_curve": [[1, 1.1]], "dev_scores": [50.0], "characters": {"truth": 0.97}, "whole_own": 0.9}
    trained |= {"test_perplexity": 1.2, "honest_perplexity": 17.0, "seed": 0}
    metrics = {
        "adding": [0.1667],
        "last_output": {"reverse": 0.0, "forward": 0.3, "state": 0.4},
        "clipping": {"norm": 7.07, "norm_cosine": 0.92, "global": 9.0, "global_cosine": 1.0},
        "outside": {"with_padding": 0.8, "words": 0.7, "f1": 0.0},
        "exploding": [[1.0, 10.0]],
        "bleu": {"train": [100.0], "test": [60.0]},
        **{name: [trained] for name in ("addition", "heart", "dates", "forward", "bidirectional")},
    }
    record = Record("audit", "quick", {"distance": 50}, [0], 0.0, {}, metrics)
    found = {claim.id: claim for claim in claims(record)}
    assert found.keys() == PLACES.keys()
    assert found["clipping"].verdict == FAILS  # the global norm was to be 5
    [table] = tables(record)
    assert len(table.rows) == len(PLACES)
