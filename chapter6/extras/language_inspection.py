"""A look at a language model (观察): what counting reaches, its vectors of characters, its loops, its speed."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import nndl
from chapter6.extras.language_findings import ORDERS
from chapter6.extras.language_writing import WAYS, continue_text
from chapter6.lab import measure
from nndl.dataset.characters import Characters, joined
from nndl.dataset.text import Vocabulary
from nndl.model.language import LanguageModel
from nndl.model.ngram import NGram
from nndl.op.twin import PaddleTwin

import numpy as np
import paddle
from paddle import Tensor, nn


def count_letters(characters: Characters) -> dict[str, Any]:
    """What counting reaches (n 元语法); it may count dev, too, which the network only chooses by."""
    learnt = np.concatenate([characters.ids["train"], characters.ids["dev"]])
    test = characters.ids["test"]
    counter = NGram(learnt, ORDERS, len(characters.vocabulary) - 1)  # [PAD] is in no text
    # 字母的熵: 不看上文时最少需要的比特数   entropy of the letters: the fewest bits without any context
    p = np.bincount(test) / len(test)
    entropy = -sum(q * np.log2(q) for q in p if q)
    return {"test": counter.perplexities(test), "train": counter.perplexities(learnt[: len(test)]), "entropy": entropy}


def vectors(model: LanguageModel, vocabulary: Vocabulary, most: int = 60) -> dict[str, Any]:
    """The two principal components (主成分) of the vectors of the most frequent characters."""
    first = len(vocabulary.special)
    E = model.embedding_layer.W.numpy()[first : first + most]
    # 减去均值, 奇异值分解, 取前两个方向   less their mean; by the singular value decomposition the first two directions
    _, sizes, directions = np.linalg.svd(E - E.mean(axis=0), full_matrices=False)
    places = (E - E.mean(axis=0)) @ directions[:2].T
    share = float((sizes[:2] ** 2).sum() / (sizes**2).sum())
    return {"characters": list(joined(vocabulary.words[first : first + most])), "at": places.tolist(), "share": share}


REPEATED, WRITTEN = 10, 200


def loops(model: LanguageModel, vocabulary: Vocabulary, prefix: str) -> dict[str, float]:
    """For each way to write: the share of runs of ten characters that had been written before (重复的十字片段)."""
    shares = {}
    for name in ("greedy", "temperature 1"):
        text = continue_text(model, vocabulary, prefix, WRITTEN, WAYS[name](0))
        runs = [text[t : t + REPEATED] for t in range(len(text) - REPEATED + 1)]
        shares[name] = 1 - len(set(runs)) / len(runs)
    return shares


def compare_speed(model: LanguageModel, B: int, L: int) -> dict[str, list[float]] | None:
    """Milliseconds of a training step with our layer, and with Paddle's in its place: the same numbers (一步的毫秒).

    None for a cell that Paddle has no layer for.
    """
    if not isinstance(model.recurrent_layer, PaddleTwin):
        return None
    X, y = paddle.randint(2, model.output_layer.weight.shape[1], [2, B, L])
    theirs = deepcopy(model)
    theirs.recurrent_layer = model.recurrent_layer.to_paddle()
    return measure.take_turns({"ours": _step(deepcopy(model), X, y), "paddle": _step(theirs, X, y)}, repeats=7)


def _step(model: LanguageModel, X: Tensor, y: Tensor) -> Callable[[], None]:
    optimizer, criterion = nndl.Adam(1e-6, parameters=model.parameters()), nn.CrossEntropyLoss()
    model.train()

    def step() -> None:
        criterion(model((X, False)), y).backward()
        optimizer.step()
        optimizer.clear_grad()

    return step
