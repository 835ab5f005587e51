"""A look into a trained text model: does padding disturb it, and which words decide?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nndl
from chapter6.text_experiment import Training, build_model, load_corpus
from chapter6.text_experiment import predict as predict_all
from nndl.dataset.text import LABELS, TOKENIZERS, Corpus

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORDS_SHOWN = (40, 70)
"""The review that is looked into unless the reader gives one: the first of test with so many tokens."""
LINE = 78
"""Characters a line in the figure of the words."""


def load_runner(training: Training, result: dict[str, Any]) -> "nndl.RunnerV3":
    """The model that a training left, ready to predict."""
    runner = nndl.RunnerV3(build_model(training.plain(), result["vocabulary_size"]), None, None, None)
    runner.load_model(Path(result["folder"]) / "best.pdparams")
    runner.model.eval()
    return runner


def inspect(training: Training, result: dict[str, Any], review: str) -> dict[str, Any]:
    """What :func:`padding` and :func:`words` find in the model that this training left."""
    runner, corpus = load_runner(training, result), load_corpus(training)
    max_seq_len = training.settings.max_seq_len
    return {"padding": padding(runner, corpus, max_seq_len), "words": words(runner, corpus, max_seq_len, review)}


def padding(runner: "nndl.RunnerV3", corpus: Corpus, max_seq_len: int) -> dict[str, float]:
    """The shortest test review alone, in a batch with the longest, and with [PAD] appended by hand.

    Returns the largest differences of its states, "forward" and "reverse", and of its "logits"; and
    "logits_without_length", what the padding would do if the model were not told where the review ends.
    """
    from nndl.dataset.batching import pad

    import paddle

    reviews = corpus.reviews["test"]
    order = reviews.lengths.argsort(kind="stable")
    short, long = (reviews[i][0][:max_seq_len] for i in (order[0], order[-1]))
    by_hand = paddle.nn.functional.pad(paddle.to_tensor([short.tolist()], dtype="int64"), [0, 0, 0, max_seq_len])
    n = paddle.to_tensor([len(short)])
    alone, in_batch = (tuple(map(paddle.to_tensor, pad(batch, max_seq_len))) for batch in ([short], [short, long]))
    expected = _look(runner, *alone)
    found = [_look(runner, *in_batch), _look(runner, by_hand, n)]
    differences = {
        name: max(float((other[name][0] - expected[name][0]).abs().max()) for other in found) for name in expected
    }
    untold = _look(runner, by_hand, paddle.to_tensor([by_hand.shape[1]]))["logits"]
    return differences | {"logits_without_length": float((untold - expected["logits"]).abs().max())}


def _look(runner: "nndl.RunnerV3", ids: Any, lengths: Any) -> dict[str, Any]:
    """The states of the first review in each direction, up to its end, and its logits."""
    model = runner.model
    logits = runner.predict((ids, lengths))
    states = model.lstm_layer(model.embedding_layer(ids), sequence_length=lengths)[0].detach()
    first = states[:, : int(lengths[0])]
    D = model.lstm_layer.hidden_size
    # a forward LSTM has no second half: its states stand for both
    return {"forward": first[:, :, :D], "reverse": first[:, :, -D:], "logits": logits}


def words(runner: "nndl.RunnerV3", corpus: Corpus, max_seq_len: int, review: str = "") -> dict[str, Any]:
    r"""What each word of one review adds to the decision: the logit with it minus the logit without it.

    With s = logit of positive − logit of negative, word i contributes :math:`s(w_1 … w_n) − s(w_1 … w_{i-1}
    w_{i+1} … w_n)`: above zero, it speaks for positive. (Li, Monroe, Jurafsky: "Understanding Neural Networks
    through Representation Erasure", 2016.)
    """
    text, label, source = (review, "", "the reader's review") if review else _choose(corpus)
    tokens = TOKENIZERS[corpus.tokenizer](text)[:max_seq_len]
    ids = corpus.vocabulary.encode(tokens)
    without = [np.delete(ids, i) for i in range(len(tokens))] if len(tokens) > 1 else []
    logits = predict_all(runner, [ids, *without], max_seq_len)
    scores = logits[:, 1] - logits[:, 0]
    shares = np.exp(logits[0] - logits[0].max())  # large logits would overflow
    shares /= shares.sum()
    return {
        "source": source,
        "label": label,
        "predicted": LABELS[int(shares.argmax())],
        "probability": float(shares.max()),
        "tokens": tokens,
        "contributions": (scores[0] - scores[1:]).tolist(),
    }


def _choose(corpus: Corpus) -> tuple[str, str, str]:
    """Text, label and whereabouts of the first test review of a length that fits the figure."""
    reviews = corpus.reviews["test"]
    fits = [i for i, n in enumerate(reviews.lengths) if WORDS_SHOWN[0] <= n <= WORDS_SHOWN[1]]
    i = fits[0] if fits else int(reviews.lengths.argmin())
    return corpus.texts["test"][i], LABELS[reviews[i][1]], f"review {i} of test, the first of {WORDS_SHOWN} tokens"


def draw_words(words: dict[str, Any]) -> "Figure":
    """The review, each word on the colour of its contribution: pink speaks for positive, green for negative."""
    import matplotlib.pyplot as plt
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    tokens = words["tokens"]
    contributions = words["contributions"] or [0.0] * len(tokens)
    strongest = max(map(abs, contributions), default=0.0) or 1.0
    colors = ScalarMappable(Normalize(-strongest, strongest), "PiYG_r")
    lines = _wrap(tokens)
    figure, axes = plt.subplots(figsize=(9, 0.34 * len(lines) + 1.3))
    axes.set(xlim=(0, LINE), ylim=(len(lines) + 0.2, -0.8))
    axes.axis("off")
    for row, line in enumerate(lines):
        for column, i in line:
            background = {"facecolor": colors.to_rgba(contributions[i]), "edgecolor": "none", "pad": 1.5}
            color = "white" if abs(contributions[i]) > 0.6 * strongest else "black"
            text = tokens[i].replace("$", r"\$")  # Matplotlib would read it as a formula
            axes.text(column, row, text, color=color, family="monospace", fontsize=10, bbox=background)
    given = f", labelled {words['label']}" if words["label"] else ""
    axes.set_title(f"predicted {words['predicted']} ({words['probability']:.2f}){given}", fontsize=11)
    label = "logit with the word minus logit without it: negative ← → positive"
    figure.colorbar(colors, ax=axes, orientation="horizontal", fraction=0.06, pad=0.04, label=label)
    return figure


def _wrap(tokens: list[str]) -> list[list[tuple[int, int]]]:
    """Lines of (column, number of the token)."""
    lines: list[list[tuple[int, int]]] = [[]]
    column = 0
    for i, token in enumerate(tokens):
        if column and column + len(token) > LINE:
            lines.append([])
            column = 0
        lines[-1].append((column, i))
        column += len(token) + 1
    return lines
