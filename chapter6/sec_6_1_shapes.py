"""6.1, the five shapes of use, one to one to many to many (五种形状), and where each is in this project."""

from typing import NamedTuple

from chapter6.lab.report import Table
from chapter6.lab.text import Text


class Shape(NamedTuple):
    """A shape of use: its name, what each step reads and says, an example, and where it is here."""

    name: Text
    reads: tuple[str, ...]
    says: tuple[str, ...]
    example: Text
    here: Text


X1, X2, X3, Y1, Y2, Y3 = "$X_1$", "$X_2$", "$X_3$", "$Y_1$", "$Y_2$", "$Y_3$"
SHAPES = (
    Shape(
        Text("one to one", "一对一"),
        (X1,),
        (Y1,),
        Text("a picture to its class", "图像分类"),
        Text("no sequence: the feed-forward network above, word by word", "没有序列：上面逐词处理的前馈网络"),
    ),
    Shape(
        Text("one to many", "一对多"),
        (X1, "", ""),
        (Y1, Y2, Y3),
        Text("a picture to its caption, a genre to music", "图片描述，由音乐种类生成音乐"),
        Text(
            "language: text from its beginning; autoencoder: a sentence from its code",
            "language：由开头生成文本；autoencoder：由编码还原句子",
        ),
    ),
    Shape(
        Text("many to one", "多对一"),
        (X1, X2, X3),
        ("", "", Y1),
        Text("a review to its sentiment", "情感分类"),
        Text("above, sequence to class; 6.2, 6.5, 6.7", "上面的序列到类别；6.2、6.5、6.7"),
    ),
    Shape(
        Text("many to many, other length", "多对多，长度不同"),
        (X1, X2, X3, "BOS", Y1),
        ("", "", "", Y1, "EOS"),
        Text("translation", "机器翻译"),
        Text(
            "above, asynchronous; translation; ctc, where the output is the shorter",
            "上面的异步模式；translation；输出较短的 ctc",
        ),
    ),
    Shape(
        Text("many to many, same length", "多对多，长度相同"),
        (X1, X2, X3),
        (Y1, Y2, Y3),
        Text("the slot of each word, the class of each frame", "逐词槽填充，逐帧识别"),
        Text("above, synchronous; slots", "上面的同步模式；slots"),
    ),
)


def shape_table() -> Table:
    """A row a shape."""
    rows = [[shape.name, shape.example, shape.here] for shape in SHAPES]
    header = [Text("shape", "形状"), Text("example", "例子"), Text("here", "本项目中")]
    return Table(Text("The five shapes", "五种形状"), header, rows)
