r"""BLEU of a corpus (语料级 BLEU): how much of the n-grams of translations is in their references."""

from collections.abc import Hashable, Sequence

from nndl.error import SettingError
from nndl.needed import needed

SMOOTHING = "exp"
"""Where no n-gram of a length is right at all, it counts 1/2, for the next length 1/4 ...; else nothing is smoothed."""

Tokens = Sequence[Hashable]


def bleu(predicted: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> float:
    r"""The BLEU of K. Papineni et al. (2002), 0 to 100, as sacrebleu computes it from tokens as they are.

    .. math:: 100 \cdot \min(1, e^{1 - r/c}) \cdot \exp\Big(\tfrac14 \textstyle\sum_{n=1}^4 \log p_n\Big)

    p_n is the share of the n-grams of ALL translations that are in a reference of their sentence, each as often as it
    is there at most; c the length of all translations, r that of all references, of each sentence the nearest in
    length. So it is no mean over sentences, and the BLEU of one sentence says little. Its value depends on what a token
    is: of Chinese, here, a character.

    Args:
        predicted: the tokens of each translation.
        references: of each sentence one or more, the tokens of each.

    Raises:
        SettingError: another number of references than of translations, none of them, or a sentence without any.

    Example:
        >>> round(bleu([list("我很好了。")], [[list("我很好。"), list("我没事。")]]), 2)
        42.73
    """
    if not predicted or len(predicted) != len(references) or not all(references):
        found = f"{len(predicted)} translations and {len(references)} lists of references"
        raise SettingError(f"{found}: expected as many of both, at least one, and no list empty")
    with needed("sacrebleu", "BLEU"):
        from sacrebleu.metrics import BLEU

    # sacrebleu 在空白处切分, 故每个词元写成一个编号   it splits at blanks, so each token is written as a number
    numbers: dict[Hashable, int] = {}

    def written(tokens: Tokens) -> str:
        return " ".join(str(numbers.setdefault(token, len(numbers))) for token in tokens)

    most = max(map(len, references))
    columns = [[written(some[k]) if k < len(some) else None for some in references] for k in range(most)]
    score = BLEU(tokenize="none", force=True, smooth_method=SMOOTHING)
    return float(score.corpus_score([written(tokens) for tokens in predicted], columns).score)
