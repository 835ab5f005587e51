"""What the language model writes, on the page: one beginning, several ways to choose the next character (续写)."""

from chapter6.extras.language_inspection import REPEATED
from chapter6.lab.lesson import Exhibit
from chapter6.lab.record import Record
from chapter6.lab.text import Text

NAMES = {
    "greedy": Text("always the likeliest (greedy)", "总取最可能的（贪心）"),
    "temperature 0.5": Text("temperature 0.5", "温度 0.5"),
    "temperature 1": Text("temperature 1", "温度 1"),
    "top-k 5": Text("among the 5 likeliest (top-k)", "前 5 个中抽取（top-k）"),
    "top-p 0.9": Text("among the likeliest 90 % (top-p)", "概率合计 90% 之内（top-p）"),
}


def exhibits(record: Record) -> list[Exhibit]:
    """The texts that the record keeps."""
    texts = [{"way": NAMES[way]._asdict(), "text": text} for way, text in record.metrics["written"].items()]
    return [
        Exhibit(
            "writing",
            Text("The model writes", "模型写作"),
            Text(
                f"The same beginning, continued by the best model (seed 0). Marked: runs of {REPEATED} characters that "
                "had been written before. Which way to choose falls into a loop, and which writes words that do not "
                "exist?",
                f"同一开头，由最好的模型续写（种子 0）。有底色的是此前已写过的连续 {REPEATED} 个字符。"
                "哪种选字方式陷入循环？哪种写出不存在的词？",
            ),
            {"prefix": record.metrics["prefix"], "run": REPEATED, "texts": texts},
        )
    ]
