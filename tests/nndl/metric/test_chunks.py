"""F1 of chunks against seqeval, paddlenlp's ChunkEvaluator, and a loop over sets of chunks."""

import random

from nndl.dataset.tags import slots
from nndl.error import SettingError
from nndl.metric.chunks import ChunkF1, f1

import numpy as np
import pytest

NAMES = ["[PAD]", "O", "B-a", "B-b", "I-a", "I-b"]
TAGS = NAMES[1:]


def sentences(seed: int, N: int = 60) -> tuple[list[list[str]], list[list[str]]]:
    """Predicted and true tags at random, any after any other; half of the predicted ones are the true ones."""
    rng = random.Random(seed)
    true = [[rng.choice(TAGS) for _ in range(rng.randint(1, 9))] for _ in range(N)]
    return [[tag if rng.random() < 0.7 else rng.choice(TAGS) for tag in row] for row in true], true


def arrays(predicted: list[list[str]], true: list[list[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Scores [N, L, C] and labels [N, L]; the padding is scored as if it were a slot."""
    L = max(map(len, true))
    labels, scores = np.zeros((len(true), L), dtype=int), np.zeros((len(true), L, len(NAMES)))
    scores[..., NAMES.index("B-a")] = 0.5
    for n, (p, t) in enumerate(zip(predicted, true, strict=True)):
        labels[n, : len(t)] = [NAMES.index(tag) for tag in t]
        scores[n, range(len(p)), [NAMES.index(tag) for tag in p]] = 1
    return scores, labels


@pytest.mark.parametrize("seed", range(4))
def test_seqeval_and_a_loop_agree(seed: int) -> None:
    from seqeval.metrics import f1_score

    predicted, true = sentences(seed)
    scores, labels = arrays(predicted, true)
    metric = ChunkF1(NAMES)
    for start in range(0, len(true), 7):  # in batches
        metric.update(scores[start : start + 7], labels[start : start + 7])
    assert metric.accumulate() == pytest.approx(f1_score(true, predicted), abs=1e-12)
    pairs = [(set(slots(p)), set(slots(t))) for p, t in zip(predicted, true, strict=True)]
    counts = metric.count(scores.argmax(-1), labels)
    assert counts.tolist() == [[len(p & t), len(p), len(t)] for p, t in pairs]
    metric.reset()
    assert metric.accumulate() == 0


def iob2(tags: list[str]) -> list[str]:
    """The same chunks as conlleval finds, each begun by a B."""
    found = ["O"] * len(tags)
    for kind, start, end in slots(tags):
        found[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return found


def test_paddlenlp_agrees() -> None:
    """On IOB2: of tags that no scheme allows the two find other chunks. Of outside there is one tag."""
    evaluator = pytest.importorskip("paddlenlp.metrics").ChunkEvaluator
    import paddle

    predicted, true = ([iob2(row) for row in rows] for rows in sentences(9))
    scores, labels = arrays(predicted, true)
    ours = ChunkF1(NAMES)
    ours.update(scores, labels)
    theirs = evaluator(label_list=TAGS)
    lengths = paddle.to_tensor([len(row) for row in true])
    ids = [paddle.to_tensor(np.maximum(rows - 1, 0)) for rows in (scores.argmax(-1), labels)]
    infer, label, correct = theirs.compute(lengths, *ids)
    theirs.update(*(number.item() for number in (infer, label, correct)))
    assert ours.accumulate() == pytest.approx(theirs.accumulate()[2], abs=1e-12)


def test_by_hand() -> None:
    # 3 predicted, 2 true, 1 right: P = 1/3, R = 1/2, F1 = 2/5
    assert f1(np.array([[1, 2, 1], [0, 1, 1]])) == pytest.approx(2 / (3 + 1 / (1 / 2)))
    assert f1(np.zeros((0, 3), dtype=int)) == 0


def test_nothing_found_is_zero_whatever_the_share_of_right_tags() -> None:
    metric = ChunkF1(NAMES)
    metric.update(*arrays([["O"] * 9], [["O"] * 8 + ["B-a"]]))
    assert metric.accumulate() == 0


@pytest.mark.parametrize(
    ("shapes", "said"),
    [(((2, 3, 5), (2, 3)), r"expected \[B, L, 6\]"), (((2, 3, 6), (2, 4)), "expected"), (((2, 6), (2,)), "expected")],
)
def test_what_does_not_fit(shapes: tuple, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        ChunkF1(NAMES).update(np.zeros(shapes[0]), np.ones(shapes[1], dtype=int))


def test_labels_that_are_no_tags() -> None:
    with pytest.raises(SettingError, match="expected 0 to 5"):
        ChunkF1(NAMES).update(np.zeros((1, 2, 6)), np.array([[1, 6]]))
    with pytest.raises(SettingError, match="expected whole numbers"):
        ChunkF1(NAMES).update(np.zeros((1, 2, 6)), np.array([[1.0, 2.5]]))
