"""F1 of chunks (块): of slots, names, or whatever else stands in a sentence as a run of words."""

from collections.abc import Sequence

from nndl.error import SettingError
from nndl.metric.values import Values, array

import numpy as np
from paddle.metric import Metric


class ChunkF1(Metric):
    r"""The F1 of chunks over all batches since the last reset; a chunk is right if its kind, begin and end are.

    .. math:: P = \frac{\text{right}}{\text{predicted}}, \qquad R = \frac{\text{right}}{\text{true}}, \qquad
              F_1 = \frac{2PR}{P + R} = \frac{2 \cdot \text{right}}{\text{predicted} + \text{true}}

    Tags are those of IOB2: B-kind, I-kind, and any other name for a word outside. An I-kind that continues no chunk
    begins one, as in conlleval (Tjong Kim Sang and Buchholz, 2000), by which all published figures are computed, in
    seqeval's default mode and in paddlenlp's ChunkEvaluator. Arrays instead of seqeval's lists, as the dev set is
    evaluated after every epoch: a test shows that the numbers are seqeval's, in a hundredth of its time.

    Shapes: outputs float [B, L, C] with a score a tag; labels int [B, L].

    Args:
        names: of the C tags.
        ignore_index: the label of the padding (补齐), which is left out.

    Example:
        >>> import paddle
        >>> metric = ChunkF1(["[PAD]", "O", "B-city", "I-city"])
        >>> true, predicted = paddle.to_tensor([[2, 3, 1, 2]]), paddle.to_tensor([[2, 3, 1, 1]])
        >>> metric.update(paddle.nn.functional.one_hot(predicted, 4), true)
        >>> round(metric.accumulate(), 4)  # one right, one predicted, two true
        0.6667
    """

    def __init__(self, names: Sequence[str], ignore_index: int = 0) -> None:
        super().__init__()
        kinds: dict[str, int] = {}
        is_inside = [name.startswith(("B-", "I-")) for name in names]
        numbers = [kinds.setdefault(name[2:], len(kinds) + 1) for name in names]
        self.kinds = np.where(is_inside, numbers, 0)
        """The kind of each tag, from 1 on; 0 outside."""
        self.begins = np.array([name.startswith("B-") for name in names])
        self.ignore_index = ignore_index
        self.counts: list[np.ndarray] = []

    def update(self, outputs: Values, labels: Values) -> None:
        """Count one batch.

        Raises:
            SettingError: outputs and labels whose shapes do not fit, or labels that are no tags.
        """
        outputs, labels = array("outputs", outputs), array("labels", labels)
        C = len(self.kinds)
        if outputs.ndim != 3 or outputs.shape != (*labels.shape, C):
            found = f"outputs {list(outputs.shape)} and labels {list(labels.shape)}"
            raise SettingError(f"{found}: expected [B, L, {C}], a score for each tag, and [B, L]")
        if labels.dtype.kind not in "iu":
            raise SettingError(f"labels of dtype {labels.dtype}: expected whole numbers, the ids of tags")
        self.counts.append(self.count(outputs.argmax(axis=-1), labels))

    def count(self, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
        """For each sentence the chunks that are right, predicted and true, int [B, 3]; of tag ids [B, L]."""
        is_word = true != self.ignore_index
        (begins, ends), (true_begins, true_ends) = (self._chunks(tags, is_word) for tags in (predicted, true))
        is_right = (begins > 0) & (begins == true_begins) & (ends == true_ends)
        return np.stack([marks.sum(axis=1) for marks in (is_right, begins > 0, true_begins > 0)], axis=1)

    def _chunks(self, tags: np.ndarray, is_word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a chunk begins its kind, and its end; elsewhere 0: int [B, L] each."""
        if tags[is_word].size and not 0 <= tags[is_word].min() <= tags[is_word].max() < len(self.kinds):
            raise SettingError(f"labels beyond the {len(self.kinds)} tags: expected 0 to {len(self.kinds) - 1}")
        tags = np.where(is_word, tags, 0)
        kinds = np.where(is_word, self.kinds[tags], 0)
        before = np.pad(kinds, ((0, 0), (1, 0)))[:, :-1]
        # a chunk begins with a B, or where the kind is another than before
        is_begin = (kinds > 0) & (self.begins[tags] | (kinds != before))
        # the next place at which it does not go on: where another begins, or no chunk is
        L = tags.shape[1]
        is_break = np.pad(is_begin | (kinds == 0), ((0, 0), (0, 1)), constant_values=True)
        places = np.where(is_break, np.arange(L + 1), L)
        ends = np.minimum.accumulate(places[:, ::-1], axis=1)[:, ::-1][:, 1:]
        return np.where(is_begin, kinds, 0), np.where(is_begin, ends, 0)

    def accumulate(self) -> float:
        """The F1 so far, in 0..1; 0 when no chunk was predicted or true."""
        return f1(np.concatenate(self.counts)) if self.counts else 0.0

    def reset(self) -> None:
        """Forget all batches."""
        self.counts = []

    def name(self) -> str:
        return "ChunkF1"


def f1(counts: np.ndarray) -> float:
    """F1 of the chunks that are right, predicted and true, int [..., 3], of all sentences together; 0 without any."""
    right, predicted, true = np.asarray(counts).reshape(-1, 3).sum(axis=0).tolist()
    return 2 * right / (predicted + true) if predicted + true else 0.0
