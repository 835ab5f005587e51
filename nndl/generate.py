r"""Sequences word by word (逐词生成): greedy, sampled, or by beam search (束搜索), for any model of one step.

A model is given as its step: ``step(ids, state) -> (logits, state)``, the words of B sequences, int64 [B], to the
logits (对数几率) of the next ones, float [B, V]. Its state is a tensor or a tuple of tensors, B first:

.. math:: p(y_1 \dots y_T) = \prod_t p(y_t \mid y_1 \dots y_{t-1})
"""

from collections.abc import Callable

from nndl.error import SettingError
from nndl.op.setting import LARGEST, whole
from nndl.op.state import State, map_states

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor

Step = Callable[[Tensor, State], tuple[Tensor, State]]
Choose = Callable[[np.ndarray], np.ndarray]


def greedy(logits: np.ndarray) -> np.ndarray:
    """The likeliest word of each sequence (贪心): float [B, V] to int64 [B]."""
    return logits.argmax(axis=-1)


class Sampler:
    """Draws a word at random (采样), by its probability; the same seed draws the same words.

    Args:
        seed: of the draw.
        temperature: the logits are divided by it (温度): under 1 the likely words get likelier, over 1 the others do.
        top_k: only so many of the likeliest words are drawn; 0 for all.
        top_p: only the likeliest words whose probabilities add up to it are drawn (nucleus sampling, 核采样;
            Holtzman et al., 2020).

    Raises:
        SettingError: a setting out of its range.

    Example:
        >>> draw = Sampler(seed=0, temperature=0.5, top_k=2)
        >>> set(int(draw(np.array([[0.1, 2.0, 1.0]]))[0]) for _ in range(50)) <= {1, 2}
        True
    """

    def __init__(self, seed: int = 0, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> None:
        if not (0 < temperature <= LARGEST):
            raise SettingError(f"temperature {temperature}: expected above 0")
        whole("top_k", top_k, least=0)
        if not 0 < top_p <= 1:
            raise SettingError(f"top_p {top_p}: expected above 0 to 1")
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.random = np.random.default_rng(whole("seed", seed, least=0))

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        """Float [B, V] to int64 [B]."""
        return np.array([self.random.choice(len(p), p=p) for p in map(self.probabilities, logits)])

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """What the next word of one sequence is drawn by: logits float [V] to probabilities float64 [V].

        Raises:
            SettingError: logits of which one is NaN or infinite, or all are -infinite.
        """
        z = logits.astype("float64")
        if not np.isfinite(z.max()):
            raise SettingError(f"logits whose largest is {z.max()}: nothing can be drawn; the model may have diverged")
        # p = softmax(z / 温度)   first less the largest, so that no low temperature makes it infinite
        with np.errstate(over="ignore"):
            p = np.exp((z - z.max()) / self.temperature)
        p /= p.sum()
        order = np.argsort(-p, kind="stable")
        # top-k 只留前 k 个   the k likeliest
        kept = order[: self.top_k or len(p)]
        # top-p 只留概率之和达到 p 的前几个, 至少一个   the likeliest that together reach p, at least one
        if self.top_p < 1:
            kept = kept[: int(np.searchsorted(np.cumsum(p[kept]), self.top_p * p[kept].sum())) + 1]
        q = np.zeros_like(p)
        q[kept] = p[kept]
        return q / q.sum()


@paddle.no_grad()
def generate(
    step: Step, state: State, first: Tensor, length: int, choose: Choose = greedy, end: int | None = None
) -> np.ndarray:
    """Words one after the other, each chosen from what the model says after the ones before.

    Args:
        step: the model.
        state: before the first word.
        first: the word that each sequence begins with, int64 [B]; no part of the result.
        length: the most words.
        choose: :func:`greedy`, or a :class:`Sampler`.
        end: the word that ends a sequence; after it come only more of it.

    Returns:
        int64 [B, T], T at most ``length``.
    """
    words, ids = [], first
    has_ended = np.zeros(len(first), dtype=bool)
    for _ in range(whole("length", length)):
        logits, state = step(ids, state)
        chosen = choose(logits.astype("float32").numpy())
        if end is not None:
            chosen = np.where(has_ended, end, chosen)
            has_ended |= chosen == end
        words.append(chosen)
        if has_ended.all():
            break
        ids = paddle.to_tensor(chosen)
    return np.stack(words, axis=1).astype("int64")


@paddle.no_grad()
def beam_search(
    step: Step, state: State, first: Tensor, length: int, end: int, width: int = 4, length_penalty: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    r"""The likeliest sequences that keeping ``width`` beginnings at every step finds (束搜索); 1 is greedy.

    Sequences are compared by :math:`\log p / T^\alpha`, T with the end; :math:`\alpha`, the length penalty
    (长度惩罚), is 0 for the bare probability, which favours short ones.

    Args:
        step, state, first: as :func:`generate` takes them, of B sequences.
        length: the most words, the end included.
        end: the word that ends a sequence.
        width: K.
        length_penalty: alpha.

    Returns:
        The best sequence of each, int64 [B, T], filled up with ``end``; and its log-probability, float64 [B].
    """
    B, K = len(first), whole("width", width)
    # 每个句子 K 份   K copies of each sequence, one after the other
    state = map_states(lambda S: S.repeat_interleave(K, axis=0), state) if K > 1 else state
    ids = first.repeat_interleave(K) if K > 1 else first
    # 开始时 K 份相同, 只算一份   at the start the copies are alike: only the first counts
    scores = np.full((B, K), -np.inf)
    scores[:, 0] = 0.0
    words = np.zeros((B, K, 0), dtype="int64")
    ended = np.zeros((B, K), dtype=bool)
    ended_at = np.full((B, K), length)
    for t in range(whole("length", length)):
        logits, state = step(ids, state)
        log_p = F.log_softmax(logits.astype("float32"), axis=-1).numpy().astype("float64").reshape(B, K, -1)
        V = log_p.shape[-1]
        # 已结束的只能继续结束, 概率不变   what has ended goes on ending, at no cost
        log_p[ended] = np.where(np.arange(V) == end, 0.0, -np.inf)
        total = (scores[:, :, None] + log_p).reshape(B, K * V)
        at = np.where(ended, ended_at, t + 1)
        ranked = total / np.repeat(at, V, axis=1).astype("float64") ** length_penalty
        # 每个句子留下最好的 K 个   the best K of each sequence
        best = np.argsort(-ranked, axis=1, kind="stable")[:, :K]
        parent, chosen = best // V, best % V
        scores = np.take_along_axis(total, best, axis=1)
        words = np.concatenate([np.take_along_axis(words, parent[:, :, None], axis=1), chosen[:, :, None]], axis=2)
        ended_at = np.take_along_axis(at, parent, axis=1)
        ended = np.take_along_axis(ended, parent, axis=1) | (chosen == end)
        if ended.all():
            break
        rows = paddle.to_tensor((np.arange(B)[:, None] * K + parent).reshape(-1))
        state = map_states(lambda S, rows=rows: S.index_select(rows, axis=0), state)
        ids = paddle.to_tensor(chosen.reshape(-1))
    best = (scores / ended_at.astype("float64") ** length_penalty).argmax(axis=1)
    return words[np.arange(B), best], scores[np.arange(B), best]
