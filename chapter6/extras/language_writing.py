"""A language model writes (语言模型写作): it continues a text, or its lines begin as one likes (续写、藏头诗)."""

from collections.abc import Callable

from nndl.dataset.characters import joined, tokens
from nndl.dataset.text import UNK, Vocabulary
from nndl.error import DataError
from nndl.generate import Choose, Sampler, generate, greedy
from nndl.model.language import LanguageModel

import numpy as np
import paddle

# --- 逐字符写作 character by character ---


def choosing(vocabulary: Vocabulary, choose: Choose) -> Choose:
    """The same choice among what can be written: [PAD] and [UNK] are no characters (特殊词不是字符)."""

    def choose_character(logits: np.ndarray) -> np.ndarray:
        logits[:, : len(vocabulary.special)] = -np.inf
        return choose(logits)

    return choose_character


def encode(vocabulary: Vocabulary, text: str) -> paddle.Tensor:
    """Ids int64 [1, L]. Raises DataError for characters that the model has not learnt."""
    unknown = dict.fromkeys(token for token in tokens(text) if token not in vocabulary.index)
    if unknown or not text:
        shown = f"{''.join(list(unknown)[:20])!r} {'is' if len(unknown) == 1 else 'are'} not among" if text else "empty"
        known = "".join(vocabulary.words[len(vocabulary.special) :][:40])
        raise DataError(f"{text[:40]!r}: {shown} the characters that the model learnt, such as {joined(known)!r}")
    return paddle.to_tensor(vocabulary.encode(tokens(text))).unsqueeze(0)


@paddle.no_grad()
def continue_text(model: LanguageModel, vocabulary: Vocabulary, prefix: str, length: int, choose: Choose) -> str:
    """So many characters after a prefix, each chosen from what the model says after all before (逐字符续写)."""
    # 先读完开头, 再一个接一个地写   read the prefix, then write one character after the other
    first, state = model.begin(encode(vocabulary, prefix))
    (ids,) = generate(model.step, state, first, length, choosing(vocabulary, choose))
    return joined([vocabulary.words[i] for i in ids])


LINE_ENDS = "\n，。！？；"


@paddle.no_grad()
def acrostic(model: LanguageModel, vocabulary: Vocabulary, heads: str, longest: int, choose: Choose) -> list[str]:
    """Lines that begin with the characters given, one each (藏头诗)."""
    firsts, choose = encode(vocabulary, heads)[0].numpy(), choosing(vocabulary, choose)
    # 在换行之后开始; 每句写到标点为止   begins as after a line end; each line goes on to its mark
    state, last, lines = None, vocabulary.index.get("[LF]", UNK), []
    for first in firsts:
        _, state = model.step(paddle.to_tensor([last]), state)
        # 不管模型怎么想, 这一句由给定的字开头   whatever the model expects, the line begins with the character given
        last = int(first)
        line = [vocabulary.words[last]]
        while joined(line[-1:]) not in LINE_ENDS and len(line) < longest:
            logits, state = model.step(paddle.to_tensor([last]), state)
            last = int(choose(logits.numpy())[0])
            line.append(vocabulary.words[last])
        lines.append(joined(line).strip("\n"))
    return lines


WAYS: dict[str, Callable[[int], Choose]] = {
    # 贪心: 总取最可能的, 容易陷入循环   always the likeliest: it falls into a loop
    "greedy": lambda seed: greedy,
    # 温度低则保守, 高则大胆   a low temperature is timid, a high one bold
    "temperature 0.5": lambda seed: Sampler(seed, temperature=0.5),
    "temperature 1": lambda seed: Sampler(seed),
    "top-k 5": lambda seed: Sampler(seed, top_k=5),
    "top-p 0.9": lambda seed: Sampler(seed, top_p=0.9),
}
"""How the next character is chosen, by a seed."""
