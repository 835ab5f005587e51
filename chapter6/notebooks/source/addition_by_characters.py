# %% [markdown]
# # 字符加法：教师强制与计划采样
#
# *Addition as characters, and what to feed a decoder while it learns*
#
# 拓展 `addition` · 代码 `chapter6/extras/addition_by_characters.py`
#
# **问题：** 训练时，解码器每一步的输入是真实的词（教师强制）；使用时，输入的却是它自己写的词，某一步错了，后续会不会全跑偏？训练中逐渐改喂自己的词（计划采样），有没有帮助？
#
# **你会看到：** 字符准确率怎样美化一个模型；故意喂错一位，后面错多少；$\epsilon_i$ 的三种衰减；同样步数下教师强制与计划采样的结果。
#
# 任务：逐字符读入 `45+7`，逐字符写出 `52`。全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格就是课程代码的原文：改动并重新运行它，后面的单元格就按改动后的代码计算。

# %%
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nndl
from chapter6.extras import addition_findings as findings
from chapter6.extras.addition_by_characters import after_mistake, make_sums, written
from chapter6.extras.cells_compared import class_of, make_layer
from chapter6.extras.presets.addition import HELD_OUT
from chapter6.lab import result
from chapter6.lab.report import Table
from chapter6.lab.training import Training, fit
from nndl import plot
from nndl.dataset.pairs import PairLoader, collate, encode, vocabularies
from nndl.dataset.text import PAD
from nndl.metric.whole import WholeAccuracy
from nndl.model.seq2seq import Seq2Seq

import numpy as np
import paddle
from paddle import nn

# %% [markdown]
# ## 数据：把加法写成字符
#
# *Sums as characters*
#
# 至多两位数的加法，3,000 道用于训练。测试题从未见过，**交换两个加数**也算见过，所以答对只能靠计算。题目从末尾写起（`7+54`），使答案的首位所依赖的数字最后读入。

# %%
run = tools.prepare("addition", feedings=("teacher", "sigmoid"), steps=400)
sums = make_sums(run.settings)
for split, pairs in sums.items():
    print(f"{split:5} {len(pairs):5} 道   " + "   ".join(f"{question} → {answer}" for question, answer in pairs[:5]))

# %% [markdown]
# ## 字符准确率与整个答案
#
# *The share of characters flatters*
#
# 错一位即全错。若每个字符对的概率为 $q$ 且互不影响，$T$ 个字符（包括结束符）全对的概率是 $q^T$：

# %%
q = 0.9  # ← 改这里：字符准确率

tools.show(
    Table(
        f"字符准确率 {q} 时整个答案的准确率",
        ["答案的长度", *map(str, range(1, 7))],
        [["全对", *(f"{q**T:.3f}" for T in range(1, 7))]],
    )
)

# %% [markdown]
# 许多教程给出的是字符准确率，而且输入的是真实的词（见 Keras 著名的加法例子）。它总是较高，位数越多，差距越大。

# %% [markdown]
# ## 教师强制
#
# *Teacher forcing*
#
# 解码器每一步读入上一个词，写出下一个。训练时读入的是**真实**的上一个词：

# %%
vocabulary = vocabularies(sums["train"])
(source, lengths, words), labels = collate(encode([("54+7", "61"), ("9+8", "17")], *vocabulary))
rows = [[" ".join(vocabulary[1].words[i] for i in row) for row in part.tolist()] for part in (words, labels)]
tools.show(Table("错开一步", ["", "第一题", "第二题"], [["输入", *rows[0]], ["答案", *rows[1]]]))

# %% [markdown]
# 好处是一次就能并行算出所有步，而且从第一步起就学得到东西。坏处是训练与使用时的输入分布不同：模型从没见过自己的错误，这叫**曝光偏差**（exposure bias）。

# %% [markdown]
# ## 计划采样
#
# *Scheduled sampling*
#
# 以概率 $\epsilon_i$ 输入真实的词，否则输入自己的词，每句每步各掷一次硬币。训练初期多用真实的词，稳定收敛；随后逐渐改用自己的词，逼近真实的推理场景。论文（S. Bengio 等，2015）给出三种衰减，$i$ 为训练步：
#
# $$\epsilon_i = 1 - c\,i \ \text{（线性）}, \qquad \epsilon_i = k^i \ \text{（指数）}, \qquad \epsilon_i = \frac{k}{k + e^{i/k}} \ \text{（反 S 形）}$$

# %%
# 摘自 chapter6.extras.addition_by_characters: linear, exponential, inverse_sigmoid, SCHEDULES, ScheduledSampling

n = 400
figure, (axes,) = plot.panels(1, size=(6.8, 2.6))
for (name, schedule), look in zip(SCHEDULES.items(), plot.LOOKS, strict=False):
    epsilon = schedule(n)
    axes.plot(
        [epsilon(i) for i in range(n)],
        color=look["color"],
        linestyle=look["linestyle"],
        label=plot.both(*findings.FEEDINGS[name]),
    )
axes.set(xlabel=plot.both("step", "步数") + " i", ylabel="ε")
_ = axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

# %% [markdown]
# ## 训练
#
# *Training: the five elements*
#
# 模型是编码器—解码器，语义向量 $c$ 每一步都参与解码（见 `translation_attention`）。唯一的新东西是回调 `ScheduledSampling`：每步之前告诉模型以多大概率输入自己的词。

# %%
# 摘自 chapter6.extras.addition_by_characters: train_sums, examine

make = class_of(run.settings.cell)
values = {name: value for name, value in vars(run.settings).items() if name != "feedings"} | {"seed": 0}
wanted = [
    Training(train_sums, feeding, values | {"feeding": feeding}, run.data_dir, "", make=make)
    for feeding in run.settings.feedings
]
results = tools.train_here(wanted)

# %%
record = tools.record(run, {"trainings": results})
tools.show(*findings.tables(record))

# %% [markdown]
# 同一个模型，字符准确率比整个答案的准确率高得多。再看两种喂法：这里的差别只来自一个种子和四百多步，**不能作数**；三个种子的结果见小结。

# %% [markdown]
# ## 蝴蝶效应：故意喂错一位
#
# *The butterfly effect: feed one wrong digit on purpose*
#
# 推理时，写错的字符会被当作下一步的输入。为了看清影响，做一个受控的实验：测试题中答案为三位数的，首位一定是 1；解码器的输入其他都不变，只把这个 1 换成别的，看第二、三位和结束符的错误率。


# %%
def load(found: dict[str, Any]) -> Seq2Seq:
    """The model that a training left."""
    model = Seq2Seq(*map(len, vocabulary), found["input_size"], found["hidden_size"], "every", make_layer=nndl.GRU)
    nndl.RunnerV3(model, None, None, None).load_model(Path(found["folder"]) / result.MODEL)
    model.eval()
    return model


FED = "7"  # ← 改这里：代替首位 1 的字符

three = [pair for pair in sums["test"] if len(pair[1]) == 3]
(source, lengths, words), labels = collate(encode(three, *vocabulary))
wrong_words = words.clone()
wrong_words[:, 1] = vocabulary[1].index[FED]  # 输入的第 0 位是 [BOS]，第 1 位是答案的首位
rows = []
for found in results:
    model = load(found)
    for name, fed in (("真实的 1", words), (f"错误的 {FED}", wrong_words)):
        guess = model((source, lengths, fed), own_words=0.0).argmax(axis=-1)
        errors = (guess != labels).astype("float32").mean(axis=0)
        rows.append(
            [str(findings.FEEDINGS[found["feeding"]].zh), name, *(f"{error:.3f}" for error in errors[1:].tolist())]
        )
tools.show(
    Table(f"{len(three)} 道题：喂错首位之后的错误率", ["训练时的输入", "首位喂", "第二位", "第三位", "结束符"], rows)
)

# %% [markdown]
# 题目没有变，语义向量 $c$ 也没有变，正确的第二、三位与喂什么无关；但教师强制的模型一读到错的首位，后面的错误率就大幅上升，第三位几乎全错（乱猜也不过 0.9）。它在训练中从没见过这样的前缀：这就是蝴蝶效应。计划采样的两行同样上升，幅度略小；一个种子的差别不能作数。
#
# 那么在实际使用中，曝光偏差有多大？模型**自己**很少写错首位，所以下图中两种输入的错误率几乎重合：答案短、首位容易，偏差来不及显现。

# %%
figure = findings.figures(record)
tools.show(figure["positions"], figure["sums"])

# %% [markdown]
# ### 思考
# 从第一步起就始终输入自己的词（自由运行，`free`），训练与使用完全一致，为什么反而更差？
#
# <details><summary>参考答案</summary>
#
# 训练初期模型写的几乎是随机的，第 $t$ 步看到的前缀与答案无关，却要它写出答案的第 $t$ 位：学不到前后字符的关系，收敛得慢。另外，取最大值（argmax）这一步没有梯度，模型并不知道自己前一步的选择影响了后面的损失。实测（三个种子，出自[长时间的实测](../guide/MEASURED_LONG_cn.md)）：0.730 ± 0.083，教师强制 0.874 ± 0.050。
# </details>

# %% [markdown]
# ### 动手改一改
# 直接问模型（四百多步的模型大约只对一半，错的也往往只差一点）。再试三位数：它学会的是加法，还是两位数的加法？

# %%
questions = ["45+7", "8+9", "99+1", "60+21", "123+45"]  # ← 改这里

inputs, _ = collate(encode([(question[::-1], "0000") for question in questions], *vocabulary))
for found in results:
    guess = load(found)(inputs, own_words=1.0).argmax(axis=-1).tolist()
    answers = [f"{question} = {written(ids, vocabulary[1])}" for question, ids in zip(questions, guess, strict=True)]
    print(f"{findings.FEEDINGS[found['feeding']].zh}：{'，'.join(answers)}")

# %% [markdown]
# ## 小结
#
# - 加法要看整个答案；字符准确率（尤其输入真实的词时）高估了模型。
# - 教师强制并行而稳定，但模型没见过自己的错误；喂错一位，后面大半跟着错。
# - 计划采样由 $\epsilon_i$ 从真实的词过渡到自己的词。它有没有用？`python -m chapter6 run addition --seeds 3`（六百步）：反 S 形衰减 0.865 ± 0.048，教师强制 0.874 ± 0.050，**未定**（出自[长时间的实测](../guide/MEASURED_LONG_cn.md)）；自由运行更差则成立。
# - 三位数（`--preset full`，教师强制，一个种子）：整个答案的准确率 0.998。
#
# **下一步：** [text_autoencoder](text_autoencoder.ipynb)，把一句话压缩成一个向量，再写回原句。
