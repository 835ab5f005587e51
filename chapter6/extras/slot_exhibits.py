"""Sentences of test with their slots on the page, those of the truth and of each model (槽位对照)."""

from collections.abc import Sequence
from typing import Any

from chapter6.lab.lesson import Exhibit
from chapter6.lab.record import Record
from chapter6.lab.text import Text
from nndl.dataset.tags import Slot, slots


def exhibits(record: Record) -> list[Exhibit]:
    """The most telling sentences of test."""
    return [
        Exhibit(
            "tags",
            Text("Whose memory serves?", "谁的记忆有用？"),
            Text(
                "Sentences of test that some models get right and others do not, tagged by the best seed of each. A "
                "box is a slot; one that is wrong in kind, begin or end has a cross, a word of a slot that was missed "
                "a question mark. Which mistakes does a model make that sees one word alone?",
                "测试集中有的模型全对、有的出错的句子，各模型取最好的种子。每个方框是一个槽位；种类、起点或终点有误的带"
                "叉号，漏掉的词标问号。只看一个词的模型会犯哪些错误？",
            ),
            {"sentences": [_sentence(each) for each in record.metrics["sentences"]]},
        )
    ]


def _sentence(found: dict[str, Any]) -> dict[str, Any]:
    true = slots(found["true"])
    return {
        "words": found["words"],
        "true": _row(found["true"], true),
        "models": {name: _row(tags, true) for name, tags in found["tags"].items()},
    }


def _row(tags: Sequence[str], true: Sequence[Slot]) -> list[dict[str, Any]]:
    """The slots of a row in their order, and whether each is right."""
    return [{**slot._asdict(), "right": slot in true} for slot in slots(tags)]
