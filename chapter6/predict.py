"""Reviews in, labels out, by a model that section 6.7 trained."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from chapter6 import interruption
from chapter6.section import load_record
from chapter6.training import load_result
from nndl import runtime
from nndl.dataset.text import LABELS, TOKENIZERS, Vocabulary, decode
from nndl.error import CheckpointError, DataError

PRESETS = ("best", "book", "quick")
"""Whose model is taken, the first that is there."""
AT_ONCE = 512
"""Reviews read and computed together."""


def find_model(out: Path) -> Path:
    """The folder of the model with the best dev accuracy of the best preset that was run.

    Args:
        out: the folder of the results of all sections.

    Raises:
        CheckpointError: section 6.7 was not run, or its models are gone.
    """
    for preset in PRESETS:
        folder = out / "6.7" / preset
        if not (folder / "record.json").exists():
            continue
        try:
            results = load_record(folder / "record.json").metrics["trainings"]
            best = max(results, key=lambda result: result["dev_accuracy"])
            return folder / "checkpoints" / Path(best["folder"]).name
        except (ValueError, TypeError, KeyError):
            raise CheckpointError(f"{folder / 'record.json'}: damaged; run the section again") from None
    raise CheckpointError(f"{out / '6.7'}: no trained model; train one first: python -m chapter6 run 6.7")


class Predictor:
    """A trained text model with its vocabulary.

    Args:
        folder: what a training of section 6.7 left.

    Raises:
        CheckpointError: a file is missing or damaged, or the vocabulary is not the one the model was trained with.
    """

    def __init__(self, folder: Path) -> None:
        import nndl
        from chapter6.text_experiment import build_model

        result = load_result(folder)
        vocabulary = Vocabulary.load(folder / "vocabulary.txt")
        if vocabulary.fingerprint() != result.get("vocabulary"):
            raise CheckpointError(
                f"{folder / 'vocabulary.txt'}: another vocabulary than the model was trained with "
                f"({len(vocabulary):,} words, expected {result.get('vocabulary_size', 0):,}); train it again"
            )
        try:
            self.vocabulary, self.max_seq_len, self.corpus = vocabulary, int(result["max_seq_len"]), result["corpus"]
            self.tokenize = TOKENIZERS[result["tokenizer"]]
            model = build_model(result, len(vocabulary))
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{folder / 'result.json'}: damaged ({error!r}); train the model again") from None
        self.runner = nndl.RunnerV3(model, None, None, None)
        self.runner.load_model(folder / "best.pdparams")

    def __call__(self, texts: Sequence[str]) -> list[tuple[str, float] | None]:
        """Label and its probability for each text; None for one without any word."""
        from chapter6.text_experiment import predict

        tokens = [self.tokenize(text) for text in texts]
        given = [i for i, words in enumerate(tokens) if words]
        answers: list[tuple[str, float] | None] = [None] * len(texts)
        if given:
            # A megabyte of text is as long as its first tokens.
            ids = [self.vocabulary.encode(tokens[i][: self.max_seq_len]) for i in given]
            logits = predict(self.runner, ids, self.max_seq_len).astype("float64")
            positive = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
            for i, p in zip(given, positive, strict=True):
                answers[i] = (LABELS[int(p >= 0.5)], float(max(p, 1 - p)))
        return answers


def answer(predictor: Predictor, reviews: Iterable[bytes], is_live: bool = False) -> Iterator[str]:
    """A line for each line of UTF-8: label, a tab, its probability; ``-`` for both where the line holds no word.

    What could not be read is counted and said on the standard error stream at the end.

    Args:
        predictor: the model.
        reviews: lines; bytes that are not UTF-8 are replaced.
        is_live: whether every line is to be answered at once, rather than many together.
    """
    reviews = iter(reviews)
    empty = odd = 0
    while lines := list(islice(reviews, 1 if is_live else AT_ONCE)):
        texts, replaced = zip(*map(decode, lines), strict=True)
        odd += sum(replaced)
        for found in predictor(texts):
            empty += found is None
            yield f"{found[0]}\t{found[1]:.4f}" if found else "-\t-"
    if empty:
        print(f"{empty} review(s) without any word: no label", file=sys.stderr)
    if odd:
        print(f"{odd} review(s) with bytes that are not UTF-8: replaced", file=sys.stderr)


def predict(texts: Sequence[str], file: Path | None, model: Path | None, out: Path, device: str) -> None:
    """The command: answer the reviews given, or those of a file, or of the standard input; one line each.

    Raises:
        DataError: no such file, or an empty review on the command line.
        CheckpointError: no model, or not a whole one.
    """
    if any(not text.strip() for text in texts):
        raise DataError("predict: an empty review; expected at least one word")
    folder = model or find_model(out)
    with interruption.leaving():
        runtime.start(device)
    predictor = Predictor(folder)
    corpus = "the small synthetic corpus" if predictor.corpus == "small" else "IMDB"
    print(f"model: {folder}, trained on {corpus}", file=sys.stderr)
    if texts:
        _print(answer(predictor, [" ".join(text.splitlines()).encode(errors="replace") for text in texts]))
    elif file is None:
        is_live = sys.stdin.isatty()
        if is_live:
            print("one review a line, Ctrl-D ends 每行一条影评，Ctrl-D 结束", file=sys.stderr)
        _print(answer(predictor, sys.stdin.buffer, is_live))
    else:
        try:
            with file.open("rb") as lines:
                _print(answer(predictor, lines))
        except IsADirectoryError:
            raise DataError(f"{file}: a folder, expected a text file with one review a line") from None
        except FileNotFoundError:
            raise DataError(f"{file}: no such file; expected a text file with one review a line") from None


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)
