"""Writing a translation (生成译文), greedily or by beam search, and how good what is written is (评价)."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import nndl
from chapter6.extras.presets.translation import LONGEST
from nndl.dataset.batching import pad
from nndl.dataset.pairs import BOS, EOS, until_end
from nndl.dataset.text import Vocabulary
from nndl.generate import beam_search
from nndl.metric.bleu import bleu

import numpy as np
import paddle

AT_ONCE = 250  # 评价时的批大小   sentences computed together when nothing is trained
LENGTH_PENALTY = 1.0  # 束搜索比较每个词的平均对数概率   beam search compares the mean log-probability of a word

# --- 生成 writing ---


def write(
    model: nndl.Seq2Seq, sources: Sequence[np.ndarray], target: Vocabulary, width: int, length: int = LONGEST
) -> list[list[str]]:
    """The answer to each source: its words up to [EOS], by beam search (束搜索); width 1 is greedy (贪心).

    Args:
        model: in evaluation.
        sources: the ids of each, int64 [S], at least one.
        target: the vocabulary of the answers.
        width: how many beginnings are kept.
        length: the most words of an answer.
    """
    # 长度相近的一起写   sources of like length are answered together
    order = np.argsort([len(source) for source in sources], kind="stable")
    answers: list[list[str]] = [[] for _ in sources]
    for start in range(0, len(order), AT_ONCE):
        rows = order[start : start + AT_ONCE]
        ids, lengths = pad([sources[row] for row in rows], LONGEST)
        with paddle.no_grad():
            # 编码一次   encode once
            state = model.start(paddle.to_tensor(ids), paddle.to_tensor(lengths))
        # 从 [BOS] 起, 逐词写, 到 [EOS] 止   from [BOS] on, word by word, until [EOS]
        first = paddle.full([len(rows)], BOS, "int64")
        written, _ = beam_search(model.step, state, first, length, EOS, width, LENGTH_PENALTY)
        for row, answer in zip(rows, written, strict=True):
            answers[row] = until_end(answer, target)
    return answers


# --- 评价 evaluation ---


def whole_answers(answers: Sequence[list[str]], references: Sequence[list[list[str]]]) -> float:
    """The share of answers that are one of their references (整个答案的准确率)."""
    return float(np.mean([answer in right for answer, right in zip(answers, references, strict=True)]))


class Measure(NamedTuple):
    """How good a model is: fed with the truth, a metric and its name in a result; and as it writes, a score."""

    metric: Any
    kind: str
    score: Callable[[Sequence[list[str]], Sequence[list[list[str]]]], float]


MEASURES = {
    # 日期只有一种正确写法   a date has one right answer
    "dates": Measure(nndl.WholeAccuracy, "accuracy", whole_answers),
    # 译文不只一种   a sentence has more than one translation
    "tatoeba": Measure(nndl.Perplexity, "perplexity", bleu),
}
