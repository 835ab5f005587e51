"""Strings and the spikes over them on the page: best path, merged, blanks dropped (尖峰与折叠)."""

from chapter6.extras.ctc_findings import NAMES
from chapter6.lab.lesson import Exhibit
from chapter6.lab.record import Record
from chapter6.lab.text import Text


def exhibits(record: Record) -> list[Exhibit]:
    """Some strings of test, read by the first seed of each direction."""
    strings = [
        {**each, "direction": NAMES[each["direction"]]._asdict()}
        for of_direction in record.metrics["spikes"]
        for each in of_direction
    ]
    return [
        Exhibit(
            "spikes",
            Text("From steps to labels", "从逐步输出到标签"),
            Text(
                "Above, what is read; the shades tell where a digit stands, which no network was told. In the middle "
                "the probability of each symbol at each step, φ dotted. Below, the likeliest symbol of each: equal "
                "neighbours are merged, then φ dropped. Point at a step, or walk with the arrow keys. Where "
                "within a digit does its spike stand, and what would become of 33 without a φ between?",
                "上：输入，底色标出数字的位置（训练时不给出）；中：每步各符号的概率，φ 为点线；下：每步概率最大的符号，"
                "先合并相邻的重复，再去掉 φ。把指针移到某一步，或用方向键移动。尖峰出现在数字的什么位置？"
                "若两个 3 之间没有 φ，33 会变成什么？",
            ),
            {"is_image": record.settings["corpus"] == "strips", "strings": strings},
        )
    ]
