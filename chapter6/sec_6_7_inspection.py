"""A look into a trained text model: what it predicts, whether padding disturbs it, which words decide."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import nndl
from chapter6.lab.text import Text
from nndl.dataset.batching import ReviewSampler, pad
from nndl.dataset.text import TOKENIZERS, Corpus

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor

AT_ONCE = 128
"""Reviews in a batch."""
LENGTH_GROUPS = 6
WORDS_SHOWN = 55
"""Tokens that fit the figure; the review that is looked into has about so many, unless the reader gives one."""


def predict(runner: nndl.RunnerV3, reviews: Sequence[np.ndarray], max_seq_len: int) -> np.ndarray:
    """The logits of any number of reviews, float32 [N, C], in their order; computed in batches of like length."""
    lengths = [min(len(review), max_seq_len) for review in reviews]
    batches, logits = list(ReviewSampler(lengths, AT_ONCE, "sorted")), []
    for batch in batches:
        ids, n = pad([reviews[i] for i in batch], max_seq_len)
        logits.append(runner.predict((paddle.to_tensor(ids), paddle.to_tensor(n))).numpy())
    return np.concatenate(logits)[np.argsort(np.concatenate(batches))]


def by_length(lengths: np.ndarray, is_right: np.ndarray) -> list[tuple[int, int, int, int]]:
    """(shortest, longest, right, all) of groups by length, as even as the lengths allow (按长度分组)."""
    starts = np.quantile(lengths, np.arange(LENGTH_GROUPS) / LENGTH_GROUPS).astype(int)
    edges = np.unique([*starts, lengths.max() + 1])
    groups = []
    for low, high in pairwise(edges):
        is_in = (lengths >= low) & (lengths < high)
        if is_in.any():
            groups.append((int(low), int(high) - 1, int(is_right[is_in].sum()), int(is_in.sum())))
    return groups


def padding(runner: nndl.RunnerV3, corpus: Corpus, max_seq_len: int) -> dict[str, float]:
    """The shortest test review alone, in a batch with the longest, and with [PAD] appended by hand (补齐的影响).

    Returns the largest differences of its states, "forward" and "reverse", and of its "logits"; and
    "logits_without_length", what the padding would do if the model were not told where the review ends.
    """
    reviews = corpus.reviews["test"]
    order = reviews.lengths.argsort(kind="stable")
    short, long = (reviews[i][0][:max_seq_len] for i in (order[0], order[-1]))
    alone, in_batch = (tuple(map(paddle.to_tensor, pad(batch, max_seq_len))) for batch in ([short], [short, long]))
    by_hand = F.pad(paddle.to_tensor([short.tolist()], dtype="int64"), [0, 0, 0, max_seq_len])
    n, expected = paddle.to_tensor([len(short)]), _look(runner, *alone)
    # 结果都应与单独计算相同   both should give what the review gives alone
    found = [_look(runner, *in_batch), _look(runner, by_hand, n)]
    differences = {
        name: max(float((other[name][0] - expected[name][0]).abs().max()) for other in found) for name in expected
    }
    # 不告知长度: LSTM 与汇聚层都会读入 [PAD]   not told the length, LSTM and pooling read the padding as well
    untold = _look(runner, by_hand, paddle.to_tensor([by_hand.shape[1]]))["logits"]
    return differences | {"logits_without_length": float((untold - expected["logits"]).abs().max())}


def _look(runner: nndl.RunnerV3, ids: Tensor, lengths: Tensor) -> dict[str, Tensor]:
    """The states of the first review in each direction, up to its end, and the logits."""
    model = runner.model
    logits = runner.predict((ids, lengths))
    states = model.lstm_layer(model.embedding_layer(ids), sequence_length=lengths)[0].detach()
    first = states[:, : int(lengths[0])]
    D = model.lstm_layer.hidden_size
    # 单向 LSTM 只有前一半   a forward LSTM has no second half: its states stand for both
    return {"forward": first[:, :, :D], "reverse": first[:, :, -D:], "logits": logits}


def words(runner: nndl.RunnerV3, corpus: Corpus, max_seq_len: int, review: str = "") -> dict[str, Any]:
    r"""What each word of one review adds to the decision (各词的贡献): the log odds with it minus those without it.

    The log odds (对数几率) of a class are its logit less those of the others, :math:`s_c = z_c − \log \sum_{k ≠ c}
    e^{z_k}`: of two classes, the difference of the logits. Word i contributes :math:`s(w_1 … w_n) − s(w_1 … w_{i-1}
    w_{i+1} … w_n)`: above zero, it speaks for the class. Of two classes that is the second, positive; of more, the
    predicted one. (Li, Monroe, Jurafsky: "Understanding Neural Networks through Representation Erasure", 2016.)
    """
    text, label, source = (review, "", _THE_READERS) if review else _choose(runner, corpus, max_seq_len)
    tokens = TOKENIZERS[corpus.tokenizer](text)[:max_seq_len]
    ids = corpus.vocabulary.encode(tokens)
    # 每次去掉一个词   leave out one word at a time
    without = [np.delete(ids, i) for i in range(len(tokens))] if len(tokens) > 1 else []
    logits = predict(runner, [ids, *without], max_seq_len)
    predicted = int(logits[0].argmax())
    c = 1 if len(corpus.labels) == 2 else predicted
    scores = log_odds(logits, c)
    # softmax; 减去最大值以免溢出   minus the largest, for large logits would overflow
    shares = np.exp(logits[0] - logits[0].max())
    shares /= shares.sum()
    return {
        "source": source,
        "label": label,
        "predicted": corpus.labels[predicted],
        "probability": float(shares.max()),
        "speaks_for": corpus.labels[c],
        "tokens": tokens,
        "contributions": (scores[0] - scores[1:]).tolist(),
    }


def log_odds(logits: np.ndarray, c: int) -> np.ndarray:
    """Of class c, float [N] from [N, C]."""
    # s_c = z_c − log Σ_{k≠c} exp(z_k)
    return logits[:, c] - np.logaddexp.reduce(np.delete(logits, c, axis=1), axis=1)


MOST_IN_PAIRS = 70
"""Tokens of a review of which every two are left out together: so many take 2,415 computations."""


def leave_out(runner: nndl.RunnerV3, corpus: Corpus, max_seq_len: int, review: str = "") -> list[dict[str, Any]]:
    """Some reviews without each word and, of a short one, without each two words (逐词、逐对删去).

    They are the reader's own, if there is one, the one that the model is surest of, the worst mistake and the least
    sure, among those that fit the figure. Returns of each ``which``, ``label``, ``speaks_for``, ``tokens``, and log
    odds: ``whole``, ``without`` [n], and ``pairs``, row i without i and each later word, or None of a long review.
    """
    return [_without(runner, corpus, max_seq_len, *each) for each in _to_leave_out(runner, corpus, max_seq_len, review)]


def _without(
    runner: nndl.RunnerV3, corpus: Corpus, max_seq_len: int, which: str, text: str, label: str
) -> dict[str, Any]:
    tokens = TOKENIZERS[corpus.tokenizer](text)[:max_seq_len]
    ids, n = corpus.vocabulary.encode(tokens), len(tokens)
    singles = [[i] for i in range(n)] if n > 1 else []
    pairs = [[i, j] for i in range(n) for j in range(i + 1, n)] if 2 < n <= MOST_IN_PAIRS else []
    logits = predict(runner, [np.delete(ids, numbers) for numbers in ([], *singles, *pairs)], max_seq_len)
    c = 1 if len(corpus.labels) == 2 else int(logits[0].argmax())
    whole, *rest = (round(float(s), 4) for s in log_odds(logits, c))
    of_pairs = iter(rest[len(singles) :])
    return {
        "which": which,
        "label": label,
        "speaks_for": corpus.labels[c],
        "tokens": tokens,
        "whole": whole,
        "without": rest[: len(singles)],
        "pairs": [[next(of_pairs) for _ in range(i + 1, n)] for i in range(n)] if pairs else None,
    }


def _to_leave_out(runner: nndl.RunnerV3, corpus: Corpus, max_seq_len: int, review: str) -> list[tuple[str, str, str]]:
    """Which they are, their texts and labels."""
    fit, logits = _that_fit(runner, corpus, max_seq_len)
    labels = corpus.reviews["test"].labels[fit]
    margins = np.diff(np.sort(logits)[:, -2:])[:, 0]
    is_wrong = logits.argmax(axis=1) != labels
    chosen = {"surest": int(margins.argmax()), "least sure": int(margins.argmin())}
    if is_wrong.any():
        chosen["worst mistake"] = int(np.where(is_wrong, margins, -np.inf).argmax())
    own = [("yours", review, "")] if review else []
    return own + [(which, corpus.texts["test"][fit[n]], corpus.labels[labels[n]]) for which, n in chosen.items()]


_THE_READERS = Text("the reader's review", "读者给出的影评")


def _choose(runner: nndl.RunnerV3, corpus: Corpus, max_seq_len: int) -> tuple[str, str, Text]:
    """Text, label and whereabouts of the test review that the model is surest of, among those that fit the figure."""
    reviews = corpus.reviews["test"]
    fit, logits = _that_fit(runner, corpus, max_seq_len)
    # 两类相当时, 各词的贡献说明不了什么   where the classes are even, contributions say nothing
    i = fit[int(np.diff(np.sort(logits)[:, -2:]).argmax())]
    source = Text(
        f"review {i} of test, which the model is surest of among the {len(fit)} nearest to {WORDS_SHOWN} tokens",
        f"测试集第 {i} 条影评：在长度最接近 {WORDS_SHOWN} 个词的 {len(fit)} 条中，模型对它最有把握",
    )
    return corpus.texts["test"][i], corpus.labels[reviews[i][1]], source


def _that_fit(runner: nndl.RunnerV3, corpus: Corpus, max_seq_len: int) -> tuple[list[int], np.ndarray]:
    """The numbers of the test reviews that fit the figure, and their logits."""
    reviews = corpus.reviews["test"]
    fit = np.abs(np.asarray(reviews.lengths) - WORDS_SHOWN).argsort(kind="stable")[:AT_ONCE].tolist()
    return fit, predict(runner, [reviews[i][0] for i in fit], max_seq_len)
