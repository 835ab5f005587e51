"""6.7 on the page: reviews of which words are left out by a click, computed by the run (逐词删去)."""

from typing import Any

from chapter6.lab.lesson import Exhibit
from chapter6.lab.record import Record
from chapter6.lab.text import Text, same

WHICH = {
    "yours": Text("yours", "你的影评"),
    "surest": Text("the one it is surest of", "最有把握的一条"),
    "least sure": Text("the one it is least sure of", "最没把握的一条"),
    "worst mistake": Text("its worst mistake", "错得最有把握的一条"),
}
"""Why a review is shown."""


def exhibits(record: Record) -> list[Exhibit]:
    """The words of some reviews."""
    labels = record.results()[0]["labels"]
    reviews = [
        {**each, "which": WHICH[each["which"]]._asdict(), "against": _other(each, labels)._asdict()}
        for each in record.metrics["left_out"]
    ]
    return [
        Exhibit(
            "words",
            Text("Leave words out", "删去一个词试试"),
            Text(
                "Reviews of test, among those of about 55 tokens, read by the model that is best on dev. A word's "
                "colour is what it adds to the log odds as things stand: for the label on the right pink, "
                "against it blue. Click a word (or press Enter on it) to leave it out; then the colours tell "
                "what each other word adds without it. Single words and pairs were computed by the run. Can you turn "
                "the decision with two words? Does a word that speaks for a label do so without its neighbour?",
                "测试集中约 55 个词的影评，由验证集上最好的模型判断。颜色表示该词此刻给对数几率带来的变化："
                "支持右侧标签的为洋红色，反对的为蓝色。点击一个词（或按回车）将其删去，颜色随即变为其余各词在缺了它"
                "之后的贡献；逐词与成对的结果运行时都已算好。删去两个词能否使判断反转？"
                "一个词离开相邻的词之后，倾向还相同吗？",
            ),
            {"reviews": reviews},
        )
    ]


def _other(review: dict[str, Any], labels: list[str]) -> Text:
    """What speaks against the label: the other one of two."""
    name = review["speaks_for"]
    return same(labels[0]) if len(labels) == 2 else Text(f"not {name}", f"非 {name}")
