# %% [markdown]
# # 6.1 循环神经网络及应用模式
#
# *Recurrent networks and the modes of their use*
#
# 视频 6.1 · 印刷版无对应小节 · 代码 `chapter6/sec_6_1_application_modes.py`
#
# **问题：** 循环神经网络比前馈神经网络多了什么？同一个循环层怎样用于三类不同的任务？
#
# **你会看到：** 词怎样变成向量；前馈网络为什么分不清 leave Taipei 与 arrive Taipei；权重共享使参数个数与长度无关；三种应用模式各训练一个小模型，再输入你自己的句子；最后是五种形状。
#
# 全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格是课程代码的原文，改动后重新运行，后面即按改动后的代码计算。

# %%
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, partial
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import nndl
from chapter6 import sec_6_1_figures as figures
from chapter6 import sec_6_1_findings as findings
from chapter6 import sec_6_1_tasks as tasks
from chapter6.lab.lesson import Run
from chapter6.lab.report import Table
from chapter6.lab.training import Training, fit
from chapter6.sec_6_1_application_modes import BOS, EOS
from chapter6.sec_6_1_shapes import shape_table
from nndl.dataset.batching import pad
from nndl.dataset.reading import TOKENIZERS
from nndl.dataset.text import PAD, SPECIAL, Vocabulary
from nndl.generate import generate
from nndl.model.last_state import last_state

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

# %% [markdown]
# ## 循环神经网络和前馈神经网络
#
# *Feed-forward and recurrent networks*
#
# 订票系统要从句子中找出出发地与目的地（槽位填充，slot filling）：
#
# - **leave** Taipei on November 2nd：Taipei 是出发地
# - **arrive** Taipei on November 2nd：Taipei 是目的地
#
# 网络读的不是词，而是向量。**独热向量**（one-hot）与词表一样长，常在一万维以上，只有一个 1；**嵌入**（embedding）短而稠密，常为一百多维，由训练得到。两者的关系：独热向量 $S$ 乘以嵌入矩阵 $E$，就是取出 $E$ 的一行。

# %%
# 摘自 chapter6.sec_6_1_application_modes: words_as_vectors

nndl.runtime.seed_everything(0)
vectors = words_as_vectors()
print("taipei 的独热向量 S", [int(value) for value in vectors["one_hot"]])
print("S E             ", np.round(vectors["product"], 4).tolist())
print("E 中的一行       ", np.round(vectors["row"], 4).tolist())

# %% [markdown]
# 前馈网络逐词处理，每个词只看自己：$H_t = \tanh(X_t W + b)$。两句中的 Taipei 是同一个向量，输出就**必然**相同，怎样训练都没有用。循环网络多一项 $H_{t-1} U$：
#
# $$H_t = \tanh(X_t W + H_{t-1} U + b)$$

# %%
# 摘自 chapter6.sec_6_1_application_modes: FeedForward, LAYERS

vocabulary = Vocabulary.of(Counter("leave arrive taipei on november 2nd".split()))
sentences = ["leave taipei on november 2nd", "arrive taipei on november 2nd"]
ids = paddle.to_tensor(np.array([vocabulary.encode(sentence.split()) for sentence in sentences]))
embedding = nndl.Embedding(len(vocabulary), 8)
for name in ("feed-forward", "SRN"):
    H, _ = LAYERS[name](8, 16)(embedding(ids))  # [2, 5, 16]
    print(f"{name:12}  两句逐词的状态之差：", [round((H[0, t] - H[1, t]).norm().item(), 3) for t in range(5)])

# %% [markdown]
# 前馈网络只在第一个词（leave 与 arrive）处不同，Taipei 处为 0；SRN 的差别一直带到句末。网络尚未训练：差别来自结构。

# %% [markdown]
# ## 循环神经网络（RNN）
#
# *Connected over time, with shared weights*
#
# 显著的特点有两个：**时间步上的连接**，即 $H_{t-1}$ 传给下一步；**权重共享**，即每一步用同样的 $W$、$U$、$b$。按时间展开，它就是一个很深的前馈网络，只是各层权重相同，所以参数个数与长度 $L$ 无关。作为对照，一次读入整个序列的前馈层有 $LM$ 个输入、$LD$ 个单元：

# %%
# 摘自 chapter6.sec_6_1_application_modes: count, shared_weights

shared = shared_weights()
rows = [[str(r["length"]), f"{r['recurrent']:,}", f"{r['feed_forward']:,}", f"{r['gap']:.0e}"] for r in shared]
tools.show(Table("参数个数（M = 8，D = 16）", ["L", "SRN", "一次读入的前馈层", "展开计算与 SRN 之差"], rows))

# %% [markdown]
# SRN：$MD + D^2 + D = 8 \times 16 + 16^2 + 16 = 400$，与 $L$ 无关，而且能读任意长度。前馈层的参数随 $L^2$ 增长，换一个长度就要换一个网络。
#
# ### 动手改一改
# 如果每一步用**不同**的权重，要多少参数？

# %%
M, D, L = 8, 16, 40  # ← 改这里
print(
    f"共享：{M * D + D * D + D:,}；每步一份：{L * (M * D + D * D + D):,}；一次读入的前馈层：{L * M * L * D + L * D:,}"
)

# %% [markdown]
# ## RNN 常见的应用模式
#
# *Three modes, one layer*
#
# | 模式 | 读入 | 输出 | 视频中的例子 | 这里的任务 |
# |---|---|---|---|---|
# | 序列到类别 | 一个序列 | 一个类别 | 情感分类 | 带 not 与 but 的评价 |
# | 同步的序列到序列 | 长度 $L$ | 每步一个，长度也是 $L$ | 词性标注、槽位填充 | 出发地与目的地 |
# | 异步的序列到序列 | 长度 $L$ | 长度不定 | 机器翻译 | 中英文数词转数字 |
#
# 三个任务的样本都由代码生成，测试集中的句子与数都不在训练集中。先看数据怎样变成批：

# %%
# 摘自 chapter6.sec_6_1_application_modes: SPLITS, MOST_WRITTEN, padded, Data, make_data

run = tools.prepare("6.1")
settings = run.settings


def first_batch(mode: str, count: int = 2) -> tuple[tuple[Tensor, ...], Tensor]:
    """打印几个样本及其形状。"""
    data = make_data(mode, settings.examples)
    examples = data.splits["test"][:count]
    for words, answer in examples:
        print(" ".join(words), "→", " ".join(answer))
    X, y = data.batch(examples)
    print("X", [list(part.shape) for part in X], " y", list(y.shape))
    return X, y


# %% [markdown]
# ### 序列到类别
#
# *Sequence to class*
#
# 只用最后的状态，它读过整个序列：$Y = H_L V + c$。句子长短不一，短的用 [PAD] 补齐，所以还要给出各句长度，取各自的最后一步。

# %%
# 摘自 chapter6.sec_6_1_application_modes: Classifier

X, y = first_batch("class")
data = make_data("class", settings.examples)
print("对数几率", list(Classifier(nndl.SRN(16, 96), len(data.read), 16, len(data.written))(X).shape), "= [B, C]")

# %% [markdown]
# ### 同步的序列到序列
#
# *Synchronous sequence to sequence*
#
# 每一步的状态都给出输出：$Y_t = H_t V + c$。标记 O 表示不属于任何槽。

# %%
# 摘自 chapter6.sec_6_1_application_modes: Tagger

X, y = first_batch("synchronous")
data = make_data("synchronous", settings.examples)
print("对数几率", list(Tagger(nndl.SRN(16, 96), len(data.read), 16, len(data.written))(X).shape), "= [B, L, C]")

# %% [markdown]
# ### 异步的序列到序列模式
#
# *Asynchronous sequence to sequence*
#
# 先读完，再写。编码器最后的状态就是解码器最初的状态，$H'_0 = H_L$；解码器每步读入上一步写出的词，直到写出 [EOS]：
#
# $$H'_t = \tanh(Y_{t-1} W' + H'_{t-1} U' + b'), \qquad Y_0 = \text{[BOS]}$$
#
# 训练时 $Y_{t-1}$ 用正确的词，称为教师强制（teacher forcing）；应用时用自己写出的词。

# %%
# 摘自 chapter6.sec_6_1_application_modes: Translator

X, y = first_batch("asynchronous", 4)
data = make_data("asynchronous", settings.examples)
print(
    "解码器读入",
    [data.written.words[i] for i in X[2][0].tolist()],
    " 应当写出",
    [data.written.words[i] for i in y[0].tolist()],
)
model = Translator(nndl.SRN(16, 96), nndl.SRN(16, 96), len(data.read), len(data.written), 16)
print("对数几率", list(model(X).shape), "= [B, T, C]")

# %% [markdown]
# ### 训练：一个函数，三种模式
#
# *Training*
#
# 五要素中，三种模式只有数据与模型不同。同步模式另训练一个前馈网络作对照。补齐的位置不计入损失与准确率（`ignore_index=PAD`）。

# %%
# 摘自 chapter6.sec_6_1_application_modes: make_model, train, answer, trainings

results = tools.train_here(trainings(run))
names = {"class": "序列到类别", "synchronous": "同步", "asynchronous": "异步"}
rows = [
    [
        names[r["mode"]],
        r["model"],
        f"{r['parameters']:,}",
        f"{r['train_losses'][-1][1]:.4f}",
        f"{r['scores']['test']['whole']:.2f}",
    ]
    for r in results
]
tools.show(Table("测试集", ["模式", "循环层", "参数", "训练损失", "整个答案都对的比例"], rows))

# %% [markdown]
# 看异步模式写出的几个答案：

# %%
found = results.where(mode="asynchronous")[0]["shown"]
tools.show(
    Table("数词转数字", ["读入", "正确", "写出"], [[" ".join(words), *map("".join, rest)] for words, *rest in found])
)

# %% [markdown]
# ### 回到 Taipei
#
# 让两个标注网络读课程中的两句，再读一句有生词的：模型没见过 Kyoto（图中带问号），只能靠前面的词判断。

# %%
# 摘自 chapter6.sec_6_1_application_modes: look


def tag(sentence: str) -> list[dict[str, Any]]:
    """两个网络对课程中的两句和一句任意英文的标注。"""
    taggers = results.where(mode="synchronous")
    return [look(result, [*tasks.OF_THE_COURSE, sentence]) for result in taggers]


metrics = {"vectors": vectors, "shared": shared, "trainings": results, "looks": tag(settings.sentence)}
record = tools.record(run, metrics)
tools.show(tools.pick(figures.figures(record), "sentences"))

# %% [markdown]
# 前馈网络对 Taipei 两次给出同样的槽，其中一次必错；SRN 两次都对，对没见过的城市也对。在整个测试集上，按槽计：

# %%
rows = []
for result in results.where(mode="synchronous"):
    scores = [f"{result['scores'][split]['slots']:.2f}" for split in tasks.TESTS]
    rows.append([result["model"], *scores])
tools.show(Table("槽的准确率", ["", "见过的城市", "未见过的城市", "四个城市的长句"], rows))

# %% [markdown]
# ### 动手改一改
# 输入你自己的句子。动词换成 quit、reach、depart from、fly to；把城市放在动词**之前**会怎样？（网络只向前读，见双向网络，6.7 节。）

# %%
sentence = "depart from Oslo and fly to Lima on May 5th"  # ← 改这里
mine = tools.prepare("6.1", sentence=sentence)
tools.show(tools.pick(figures.figures(tools.record(mine, metrics | {"looks": tag(sentence)})), "sentences"))

# %% [markdown]
# 这一句前馈网络恰好也全对：它把 Oslo 一律当作出发地，把生词一律当作目的地。对调两个城市再运行，就看出它并没有读懂。

# %% [markdown]
# ## 五种形状
#
# *The five shapes*
#
# 把读入与输出的时刻画出来，就得到常见的五种形状。循环层始终是同一个，区别只在**何时读、何时写**。

# %%
tools.show(tools.pick(figures.figures(record), "shapes"), shape_table())

# %% [markdown]
# 课程代码的判定。一个种子说明不了随机性，所以与训练有关的论断多为“未定”：

# %%
tools.show(findings.claims(record))

# %% [markdown]
# ### 思考
#
# **1.** 前馈网络加一个窗口，同时看前后各一个词，能区分 leave Taipei 与 arrive Taipei 吗？leave the city of Taipei 呢？
#
# <details><summary>参考答案</summary>
#
# 前一句能，因为动词就在窗口里；后一句不能，动词在窗口之外。窗口多大都有更长的句子，而且参数随窗口增大。循环网络没有固定的窗口，但记忆也不是无限的，见 6.2 节。
#
# </details>
#
# **2.** 异步模式为什么需要 [BOS] 和 [EOS]？
#
# <details><summary>参考答案</summary>
#
# 写第一个词时还没有“上一个词”，[BOS] 代替它；输出的长度由网络自己决定，[EOS] 就是“写完了”。没有 [EOS]，解码不知道何时停止。
#
# </details>
#
# **3.** 词性标注是同步模式，为什么机器翻译不能用同步模式？
#
# <details><summary>参考答案</summary>
#
# 译文与原文长度不同，次序也不同：第 $t$ 个译词所需的原词可能还没有读到。“七百”两个字对应 700 三位数字，每步至多写一位就写不完；刚读到“七”时也还不知道它在百位还是千位。
#
# </details>
#
# **4.** 编码器把整句压进一个 $H_L$，句子很长时会怎样？
#
# <details><summary>参考答案</summary>
#
# 一个固定大小的向量成为瓶颈，开头的内容容易丢失。办法是让解码器在每一步回看编码器的全部状态，即注意力（attention），见练习与拓展 `translation`。
#
# </details>

# %% [markdown]
# ## 小结
#
# - 循环网络比前馈网络多一项 $H_{t-1}U$：时间步上的连接；各步权重共享，参数个数与长度无关。
# - 同一个循环层用于三种模式：只取最后的状态；每步都输出；读完再写。
#
# 完整的一课（`python -m chapter6 run 6.1`，三个种子）测得：没有窗口的前馈网络对城市的槽只能随机猜，0.50 ± 0.00，SRN 为 1.00 ± 0.00，未见过的城市也一样；三种模式在未见样本上整个答案的准确率为 1.00（类别）、1.00（标记）、0.96 ± 0.01（数词）。（出自[长时间的实测](../guide/MEASURED_LONG_cn.md)。）
#
# **下一步：** [6.2](sec_6_2_srn_memory.ipynb) 检验 SRN 的记忆到底有多长。
