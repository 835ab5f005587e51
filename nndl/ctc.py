r"""Connectionist temporal classification (CTC, 连接时序分类): labels for a sequence that nobody has aligned.

A network says at each of T steps one of V symbols: a label, or the blank φ (空白), symbol 0, which is no label. Such a
path (路径) π becomes a labelling by :func:`collapse`, B(·): of equal neighbours one stays, then the blanks go. The
probability of a labelling is that of all its paths (所有对齐), and the loss is its negative logarithm:

.. math:: p(y \mid X) = \sum_{\pi \in B^{-1}(y)} \prod_t p_t(\pi_t), \qquad \text{loss} = -\log p(y \mid X)

Graves et al., "Connectionist Temporal Classification", ICML 2006.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby, pairwise

from nndl.error import SettingError
from nndl.op.lengths import as_lengths, valid_steps
from nndl.op.setting import whole

import numpy as np
import paddle.nn.functional as F
from paddle import Tensor, nn

BLANK = 0


def collapse(path: Sequence[int]) -> list[int]:
    """B(·): of equal neighbours one stays, then the blanks go (先合并相邻的重复，再去掉空白).

    >>> collapse([0, 1, 1, 0, 1, 2, 0])
    [1, 1, 2]
    """
    return [symbol for symbol, _ in groupby(path) if symbol != BLANK]


def steps_needed(labels: Sequence[int]) -> int:
    """The fewest steps that can say these labels: between two equal ones a blank must stand.

    >>> steps_needed([1, 1, 2])
    4
    """
    return len(labels) + sum(former == latter for former, latter in pairwise(labels))


class CTCLoss(nn.Layer):
    """The mean over the batch of -log p(labels), by ``paddle.nn.functional.ctc_loss``; from logits, not probabilities.

    Paddle's own mean divides each loss by the number of its labels before; and where a sequence has fewer steps than
    its labels need, its loss is 0 without a word (seen in Paddle 3.3.1), so nothing would be learned: this one refuses.

    Shapes: outputs (logits float [B, T, V], lengths int [B]); targets (labels int [B, U], label_lengths int [B]),
    whose padding does not matter; result float [].

    Raises:
        SettingError: in use, lengths that do not fit, a label that is none of 1..V-1, or a sequence with no step
            or fewer steps than its labels need.

    Example:
        >>> import paddle
        >>> logits = paddle.zeros([1, 2, 2])  # at each of two steps φ or a, 1/2 each
        >>> labels = paddle.to_tensor([[1]], dtype="int32")
        >>> round(float(CTCLoss()((logits, [2]), (labels, [1]))), 4)  # aφ, φa, aa: 3/4
        0.2877
    """

    def forward(self, outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
        logits, lengths = outputs
        labels, label_lengths = targets
        if logits.ndim != 3 or labels.ndim != 2:
            raise SettingError(
                f"logits {list(logits.shape)}, labels {list(labels.shape)}: expected [B, T, V] and [B, U]"
            )
        B, T, V = logits.shape
        lengths, label_lengths = as_lengths(lengths, B, T), as_lengths(label_lengths, B, labels.shape[1])
        _check(labels.numpy(), label_lengths.numpy(), lengths.numpy(), V)
        if (
            not label_lengths.any()
        ):  # 全批无标签时, 飞桨使进程崩溃: 只有全 φ 的路径   Paddle divides by 0; one path: all φ
            log_p = F.log_softmax(logits)[:, :, BLANK:1]
            return -(log_p * valid_steps(lengths, T, time_axis=1).astype(log_p.dtype)).sum() / B
        time_major = logits.transpose([1, 0, 2])
        losses = F.ctc_loss(time_major, labels.astype("int32"), lengths, label_lengths, BLANK, reduction="none")
        return losses.mean()


def _check(labels: np.ndarray, label_lengths: np.ndarray, lengths: np.ndarray, V: int) -> None:
    for i, (row, U, T) in enumerate(zip(labels, label_lengths, lengths, strict=True)):
        own = row[:U].tolist()
        if any(not 1 <= label < V for label in own):
            raise SettingError(f"labels of sequence {i}, {own[:20]}: expected labels from 1 to {V - 1}; 0 is the blank")
        if not T:  # 飞桨会写坏内存   Paddle writes beyond its memory
            raise SettingError(f"sequence {i} of the batch: no step at all; leave it out")
        if steps_needed(own) > T:
            raise SettingError(
                f"sequence {i} of the batch: {T} steps for labels that need {steps_needed(own)} (one for each, and one "
                "for a blank between two equal ones); give it more steps, or leave it out"
            )


def best_path(logits: np.ndarray) -> list[int]:
    """Greedy decoding (最佳路径解码): the likeliest symbol of each step, collapsed; logits float [T, V].

    This is the labelling of the likeliest PATH. Another labelling, of many paths, may be likelier: see
    :func:`prefix_beam`.
    """
    return collapse(logits.argmax(axis=-1).tolist())


def prefix_beam(logits: np.ndarray, width: int = 8, least: float = 1e-4) -> list[tuple[list[int], float]]:
    r"""Prefix beam search (前缀束搜索): the likeliest LABELLINGS that keeping ``width`` beginnings at each step finds.

    Of each beginning y two probabilities are kept, of its paths that end with a blank and of those that do not:

    .. math::
        p^\varphi_t(y) &= p_t(\varphi)\,(p^\varphi_{t-1}(y) + p^{\neg\varphi}_{t-1}(y)) \\
        p^{\neg\varphi}_t(y) &= p_t(y_{-1})\,(p^{\neg\varphi}_{t-1}(y) + p^\varphi_{t-1}(y_{:-1})
            + [y_{-2} \ne y_{-1}]\, p^{\neg\varphi}_{t-1}(y_{:-1}))

    Args:
        logits: float [T, V].
        width: beginnings that are kept.
        least: symbols of a smaller probability at a step are passed over there, but never the likeliest.

    Returns:
        (labels, log-probability), the likeliest first. With a width and a ``least`` that drop nothing, exact.

    Raises:
        SettingError: a width below 1, or logits with NaN, or a step of which one is infinite or none is finite.
    """
    whole("width", width)
    if not np.isfinite(logits.max(axis=-1)).all():
        raise SettingError("logits with a step whose largest is no number: the model may have diverged")
    p = np.exp(logits.astype("float64") - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    scale, beams = 0.0, {(): (1.0, 0.0)}  # labels: (ends with a blank, does not)
    for row in p:
        likely = [(int(c), float(row[c])) for c in np.flatnonzero(row >= min(least, row.max()))]
        grown: dict[tuple, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for y, (blank, label) in beams.items():
            for c, p_c in likely:
                if c == BLANK:
                    grown[y][0] += p_c * (blank + label)
                elif y and c == y[-1]:
                    # 重复: 紧接着合并, 隔着空白才是新标签   a repeat merges; only behind a blank is it a new label
                    grown[y][1] += p_c * label
                    grown[(*y, c)][1] += p_c * blank
                else:
                    grown[(*y, c)][1] += p_c * (blank + label)
        best = sorted(grown.items(), key=lambda item: -sum(item[1]))[:width]
        # 防止下溢   so that no long sequence becomes 0
        total = sum(sum(both) for _, both in best)
        scale += np.log(total)
        beams = {y: (blank / total, label / total) for y, (blank, label) in best}
    return [(list(y), float(scale + np.log(sum(both)))) for y, both in beams.items() if sum(both) > 0]
