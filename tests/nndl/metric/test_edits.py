"""Edit distance against a plain recursion, and the label error rate of batches against single sequences."""

from functools import cache

import nndl

# isort: split
from nndl.error import SettingError
from nndl.metric import edit_distance, lower_is_better

import numpy as np
import paddle
import pytest
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.text("abc", max_size=6)


@cache
def recursion(a: str, b: str) -> int:
    if not a or not b:
        return len(a) + len(b)
    if a[0] == b[0]:
        return recursion(a[1:], b[1:])
    return 1 + min(recursion(a[1:], b), recursion(a, b[1:]), recursion(a[1:], b[1:]))


@given(WORDS, WORDS)
def test_edit_distance(a: str, b: str) -> None:
    assert edit_distance(a, b) == recursion(a, b)


def test_rate_over_batches() -> None:
    """Edits and labels are added up; what stands beyond a length does not count."""
    one_hot = np.eye(4, dtype="float32")
    paths = [[1, 1, 0, 2, 3], [0, 2, 2, 3, 3], [0, 0, 1, 1, 1]]  # read 1 2 (3 left off), 2 3, nothing (1 left off)
    logits, lengths = paddle.to_tensor(one_hot[np.array(paths)]), paddle.to_tensor([4, 5, 2])
    labels, label_lengths = np.array([[1, 3, 0], [2, 3, 1], [3, 9, 9]]), np.array([2, 3, 1])
    metric = nndl.LabelErrorRate()
    metric.update((logits[:2], lengths[:2]), (labels[:2], label_lengths[:2]))
    metric.update((logits[2:], lengths[2:]), (paddle.to_tensor(labels[2:]), paddle.to_tensor(label_lengths[2:])))
    assert (metric.num_edits, metric.num_labels) == (1 + 1 + 1, 6)
    assert metric.accumulate() == 0.5
    metric.reset()
    assert np.isnan(metric.accumulate())
    metric.count("aaa", "b")
    assert metric.accumulate() == 3
    assert lower_is_better(metric)
    assert metric.name() == "LabelErrorRate"


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        (np.zeros((1, 2, 3)), (np.zeros((1, 2)), [2])),
        ((np.zeros((2, 3)), [2]), (np.zeros((1, 2)), [2])),
        ((np.zeros((2, 2, 3)), [2, 2]), (np.zeros((1, 2)), [2])),
        ((np.zeros((1, 2, 3)), [2]), (np.zeros((1, 2)), [2, 2])),
    ],
)
def test_refused(outputs: object, targets: object) -> None:
    with pytest.raises(SettingError):
        nndl.LabelErrorRate().update(outputs, targets)
