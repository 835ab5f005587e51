"""What attention looks at, on the page: a map for each kind of attention (注意力热力图)."""

from chapter6.extras.translation_findings import NAMES
from chapter6.lab.lesson import Exhibit
from chapter6.lab.record import Record
from chapter6.lab.text import Text


def exhibits(record: Record) -> list[Exhibit]:
    """The maps, those of one source together; none where no model has attention."""
    sources: dict[str, list[dict]] = {}
    for each in record.metrics["maps"]:
        kept = {"kind": NAMES[each["kind"]]._asdict(), "answer": each["answer"], "weights": each["weights"]}
        sources.setdefault("\n".join(each["source"]), []).append(kept)
    if not sources:
        return []
    return [
        Exhibit(
            "attention",
            Text("Where attention looks", "注意力看哪里"),
            Text(
                "A row is a character (or word) that is written, a column one that is read, the depth the weight "
                "(seed 0). Point at a row, or walk with the arrow keys: what is read is shown as the decoder sees it "
                "while it writes there. Does it look at the month while it writes the month?",
                "每行是写出的一个字符（或词），每列是读入的一个，颜色深浅为权重（种子 0）。把指针移到某一行，或用方向键"
                "移动，即可看到解码器写到此处时眼中的输入。写月份时，它看的是月份吗？",
            ),
            {"examples": [{"source": source.split("\n"), "maps": maps} for source, maps in sources.items()]},
        )
    ]
