"""The accuracy of whole sequences against a loop, and against what a model writes freely."""

import nndl

# isort: split
from nndl.dataset.pairs import BOS, EOS, PairLoader, encode, until_end, vocabularies
from nndl.error import SettingError
from nndl.generate import generate

import numpy as np
import paddle
import pytest
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 10**6))
def test_a_sequence_counts_where_every_step_is_right(seed: int) -> None:
    rng = np.random.default_rng(seed)
    metric, right, count = nndl.WholeAccuracy(ignore_index=0), 0, 0
    for _ in range(2):
        B, L, C = rng.integers(1, 6, 3)
        labels = rng.integers(0, C + 1, (B, L))
        outputs = rng.normal(size=(B, L, C + 1)) + 3 * np.eye(C + 1)[labels]
        metric.update(outputs, labels)
        for b in range(B):
            steps = [t for t in range(L) if labels[b, t]]
            count += bool(steps)
            right += bool(steps) and all(outputs[b, t].argmax() == labels[b, t] for t in steps)
    assert metric.accumulate() == (right / count if count else 0)
    metric.reset()
    assert metric.accumulate() == 0


def test_nan_is_never_right_and_shapes_are_checked() -> None:
    metric = nndl.WholeAccuracy(ignore_index=0)
    metric.update(np.full((1, 2, 3), np.nan), np.array([[1, 2]]))
    assert metric.accumulate() == 0
    with pytest.raises(SettingError, match="expected those of sequences"):
        metric.update(np.zeros((2, 3)), np.array([1, 2]))


def test_fed_with_the_truth_a_model_is_right_where_it_is_right_writing_freely() -> None:
    """A little training, so that some answers are right and some are wrong."""
    nndl.runtime.seed_everything(0)
    pairs = [(f"{n:03}", f"{n:03}"[::-1]) for n in range(0, 1000, 7)]
    source, target = vocabularies(pairs)
    ids = encode(pairs, source, target)
    model = nndl.Seq2Seq(len(source), len(target), 8, 16, kind="dot")
    optimizer, loss = nndl.Adam(0.02, parameters=model.parameters()), paddle.nn.CrossEntropyLoss(ignore_index=0)
    for _ in range(4):
        for X, y in PairLoader(ids, 16):
            loss(model(X), y).backward()
            optimizer.step()
            optimizer.clear_grad()
    model.eval()
    metric, right = nndl.WholeAccuracy(ignore_index=0), []
    for X, y in PairLoader(ids, 50, "sorted"):
        metric.update(model(X), y)
        written = generate(model.step, model.start(*X[:2]), paddle.full([len(y)], BOS, "int64"), 6, end=EOS)
        right += [until_end(w, target) == until_end(a, target) for w, a in zip(written, y.numpy(), strict=True)]
    assert 0.05 < np.mean(right) < 0.95
    assert metric.accumulate() == np.mean(right)
