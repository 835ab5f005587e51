# %% [markdown]
# # 编码器—解码器与注意力
#
# *Encoder, decoder, attention: one sequence in, another of another length out*
#
# 拓展 `translation` · 代码 `chapter6/extras/translation_attention.py`、`nndl/model/seq2seq.py`、`nndl/op/attention.py`
#
# **问题：** 输入与输出都是序列，长度不同，也不逐一对应，如机器翻译。解码器写每一个词时，怎样得知源序列的内容？
#
# **你会看到：** `[BOS]` 与 `[EOS]` 怎样用；语义向量 $c$ 的两种用法与注意力的差别；注意力的一步用十几个数字手算；训练后的注意力图：写“月”的时候，解码器在看哪里。
#
# 任务小到可以核对：把中文或英文写的日期改写成标准格式，`二〇二六年十一月二十四日` → `2026-11-24`。全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格就是课程代码的原文：改动并重新运行它，后面的单元格就按改动后的代码计算。

# %%
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nndl
from chapter6.extras import translation_figures as figures
from chapter6.extras import translation_findings as findings
from chapter6.extras.cells_compared import class_of, count, make_layer
from chapter6.extras.translation_attention import Data, load_data, split, training_of
from chapter6.extras.translation_writing import AT_ONCE, LENGTH_PENALTY, LONGEST, MEASURES, write
from chapter6.lab import result
from chapter6.lab.training import Training, fit
from nndl import plot
from nndl.dataset import dates
from nndl.dataset.batching import pad
from nndl.dataset.pairs import BOS, EOS, PairLoader, by_source, collate, encode, until_end
from nndl.dataset.text import PAD, Vocabulary
from nndl.file import replacing
from nndl.generate import beam_search
from nndl.op.lengths import valid_steps

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

# %% [markdown]
# ## 异步的序列到序列
#
# *Seq2Seq: read it all, then write*
#
# 编码器（encoder）读完源序列，把它压缩成语义向量 $c$；解码器（decoder）由 $c$ 开始，一个词一个词地写。特殊词 `[BOS]` 是解码器的第一个输入；写出 `[EOS]` 便停止，因此输出的长度由模型自己决定。

# %%
figure, (axes,) = plot.panels(1, size=(7.2, 2.3))
axes.set_xlim(-3.2, 3.2)
plot.unrolled(axes, reads=["M", "a", "y", "[BOS]", "0", "5"], says=["", "", "", "0", "5", "[EOS]"])
# %% [markdown]
# ## 数据：从句对到批
#
# *From pairs to a batch*
#
# 一百年的日子先随机分给训练、验证、测试，**再**写成文字：测试的日子在训练中从未以任何写法出现过。词元是字符。

# %%
run = tools.prepare("translation", kinds=("every", "dot"), examples=9600, hidden_size=48, steps=300)
data = load_data(run.settings, run.data_dir)
for split_name, pairs in data.pairs.items():
    print(f"{split_name:5} {len(pairs):5} 对   " + "   ".join(f"{source} → {target}" for source, target in pairs[:3]))
print(f"源词表 {len(data.source)}，目标词表 {len(data.target)}：{' '.join(data.target.words)}")

# %% [markdown]
# 一长一短两个句对组成一批。看解码器的输入与答案：两行内容相同，**错开一步**。训练时每一步输入的都是真实的上一个词，而不是模型自己写的，这叫教师强制（teacher forcing）。

# %%
pairs = [("五月四日", "05-04"), ("十一月二十四日", "11-24")]  # ← 改这里（只用词表中有的字符）
(source, lengths, words), labels = collate(encode(pairs, data.source, data.target))
print(f"源   [B, S] = {list(source.shape)}，长度 {lengths.tolist()}，补齐为 0\n{source.numpy()}")
for name, ids in (("解码器输入", words), ("答案", labels)):
    print(f"{name} [B, T] = {list(ids.shape)}")
    for row in ids.tolist():
        print("   ", " ".join(data.target.words[i] for i in row))

# %% [markdown]
# ## 语义向量：作为初始状态，或参与所有时刻
#
# *The context: as the first state, or at every step*
#
# 编码器双向阅读，两个方向的最后状态并在一起就是语义向量；解码器的初始状态由它算出：
#
# $$c = [\overrightarrow{h}_n; \overleftarrow{h}_1], \qquad s_0 = \tanh(W_0 c + b_0)$$
#
# | 方式 `kind` | 解码器的一步 |
# |---|---|
# | `state` | $s_t = f(y_{t-1}, s_{t-1})$：$c$ 只作为初始状态，须一路记住 |
# | `every` | $s_t = f([y_{t-1}; c], s_{t-1})$：$c$ 参与所有时刻的运算 |
# | `additive` | $s_t = f([y_{t-1}; c_t], s_{t-1})$：每一步有自己的 $c_t$，由 $s_{t-1}$ 查得 |
# | `dot` | $s_t = f(y_{t-1}, s_{t-1})$，再由 $s_t$ 查得 $c_t$，一起用于输出 |
#
# 前两种把整个源序列压缩进一个固定大小的向量，不管它多长；后两种保留编码器**每一步**的状态，用时再查。

# %%
# 摘自 chapter6.extras.translation_attention: make_model

nndl.runtime.seed_everything(0)
example = SimpleNamespace(**vars(run.settings), kind="every", make=class_of("GRU"))
model = make_model(example, len(data.source), len(data.target))
c, s_0 = model.start(source, lengths)
print(f"c {list(c.shape)} = [B, 1, 2D]，s_0 {list(s_0.shape)} = [B, D]")
print(f"教师强制下一次算出所有步的对数几率：{list(model((source, lengths, words)).shape)} = [B, T, 目标词表]")
print(f"{count(model):,} 个参数")

# %% [markdown]
# ## 注意力：每一步回头看一次
#
# *Attention: a look back at every step*
#
# 用解码器的状态 $s_t$ 作查询，与编码器的每个状态 $h_i$ 打分；softmax 归一成权重，再加权平均：
#
# $$e_{ti} = s_t^\top W h_i \ \text{（乘性）}, \qquad e_{ti} = v^\top \tanh(W s_t + U h_i)\ \text{（加性）},$$
#
# $$\alpha_{ti} = \mathrm{softmax}_i(e_{ti}), \qquad c_t = \sum_i \alpha_{ti} h_i$$
#
# 手算一步（$W = I$）：查询最像第二个状态，第四个位置是补齐。补齐处的分数先加上 $-10^9$，softmax 之后权重为 0。

# %%
# 摘自 nndl.op.attention: FAR_BELOW, blocked, attend

h = np.array([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5], [9.0, 9.0]])  # 四个状态，最后一个是补齐
s = np.array([0.2, 1.0])  # ← 改这里：查询
e = h @ s
alpha = np.exp(e[:3]) / np.exp(e[:3]).sum()
print(f"分数 {e}，权重 {alpha.round(3)}，c = {(alpha @ h[:3]).round(3)}")

scores, values = paddle.to_tensor([[e.tolist()]]), paddle.to_tensor([h.tolist()])  # [B, T, S] 与 [B, S, W]
c, weights = attend(scores, values, blocked(paddle.to_tensor([3]), 4))
print(f"attend：权重 {weights.numpy()[0, 0].round(3)}，c = {c.numpy()[0, 0].round(3)}")

# %% [markdown]
# 查询 $s_t$、键（由 $h_i$ 算出）与值 $h_i$，正是后来自注意力与 Transformer 的出发点；那里去掉了循环。

# %% [markdown]
# ### 思考
# 若不屏蔽补齐，上面的 $c$ 会是什么？为什么这种错误往往不会报错？
#
# <details><summary>参考答案</summary>
#
# 补齐位置的状态 $(9, 9)$ 分数最高，$c$ 几乎就等于它。程序照常运行，形状都对，只是同一句话的结果会随同批其他句子的长度而改变。检验办法：单独算一句与放在一批里算，结果应当相同。
# </details>

# %% [markdown]
# ## 训练
#
# *Training: the five elements*

# %%
# 摘自 chapter6.extras.translation_attention: train

# %% [markdown]
# 比较 `every`（一个语义向量）与 `dot`（乘性注意力）：同样的数据，同样三百步。整个答案全对才算对。

# %%
results = tools.train_here(replace(training_of(run, kind, seed=0), train=train) for kind in run.settings.kinds)

# %%
# 摘自 chapter6.extras.translation_attention: load_model, PARTS, where_it_looks, heat

looker = load_model(results[1], data)
unseen = dates.make(seed=0, N=1)["test"]
looks = [{"kind": "dot", "seed": 0, "parts": where_it_looks(looker, data, unseen)}]
maps = [
    {"kind": "dot", **heat(looker, data, split("dates", text))} for text in ("二〇二六年十一月二十四日", "Nov 24th, 26")
]
record = tools.record(run, {"trainings": results, "looks": looks, "maps": maps})
tools.show(*findings.tables(record))

# %% [markdown]
# 同样的步数，注意力几乎全对，一个语义向量还差得远。一个种子不能作数；三个种子、四种方式的结果见小结。

# %% [markdown]
# ## 注意力图
#
# *What it looks at*
#
# 第一幅是训练过程；第二幅中，每一行是写出的一个字符，每一列是读入的一个字符，颜色深浅为 $\alpha_{ti}$：

# %%
tools.show(*figures.figures(record).values())

# %% [markdown]
# 没有人告诉模型哪个字符是年、哪个是月；年、月、日的次序在两种写法中不同，深色的位置也随之改变。上面的第二张表量化了这一点：写年份时，权重有多少落在年份的字符上（与均匀分配对照）。
#
# 注意力图是一种观察，不是证明：权重大的位置不一定就是答案的原因。编码器的每个状态已经读过两侧，看邻近的位置也能得到同样的信息。

# %% [markdown]
# ### 动手改一改
# 换成自己的日期，看它写什么、看哪里。训练中没有的写法（如 `24/11/2026`，日在前又用斜线）会怎样？

# %%
text = "24/11/2026"  # ← 改这里，如 "二零二六年三月一日"、"March 1st, 2026"

seen = heat(looker, data, split("dates", text))
print(text, "→", "".join(seen["answer"][:-1]))
figure, (axes,) = plot.panels(1, size=(4.4, 3.0))
image = plot.heat_map(axes, seen["weights"])
axes.set_xticks(range(len(seen["source"])), seen["source"])
axes.set_yticks(range(len(seen["answer"])), seen["answer"])
axes.set(xlabel=plot.both("read", "读入"), ylabel=plot.both("written", "写出"))
_ = figure.colorbar(image, label=plot.both("weight", "权重"))
# %% [markdown]
# ## 生成：贪心与束搜索
#
# *Writing: greedy and beam search*
#
# 使用时没有真实的词可以输入，解码器读自己写的：某一步错了，后续上下文全跑偏。贪心每步取最可能的词，无法回头；束搜索（beam search）保留 $K$ 个开头，比较的是**整个序列**的概率。一个两步的例子：先 a（0.6）后 c 或 d（各 0.5），先 b（0.4）后 c（0.9）。

# %%
WORDS = ["[EOS]", "a", "b", "c", "d", "[BOS]"]
P = np.full([6, 6], 1e-9)  # P[上一个词, 下一个词]
P[5, [1, 2]] = 0.6, 0.4
P[1, [3, 4]] = 0.5, 0.5
P[2, [3, 4]] = 0.9, 0.1  # ← 改这里：0.9 小到多少时，束搜索也选 a？
P[[3, 4], 0] = 1
log_P = paddle.to_tensor(np.log(P), dtype="float32")
for width in (1, 2):
    ids, log_p = beam_search(
        lambda ids, state: (log_P[ids], state), paddle.zeros([1]), paddle.to_tensor([5]), 3, 0, width
    )
    print(f"束宽 {width}：{' '.join(WORDS[i] for i in ids[0])}，概率 {np.exp(log_p[0]):.2f}")

# %% [markdown]
# 本实验的答案几乎没有歧义，所以上面表中两种办法相差无几；翻译真实句子时才显出差别（见小结）。完整的生成代码：

# %%
# 摘自 chapter6.extras.translation_writing: write

answers = write(
    looker,
    [data.source.encode(text) for text in ("五月四日", "6/7/2030", "the 1st of May, 1999")],
    data.target,
    width=4,
)
print(["".join(answer) for answer in answers])

# %% [markdown]
# ### 思考
# `五月四日` 没有年份，模型为什么仍然写出一个年份？怎样让它学会说“不知道”？
#
# <details><summary>参考答案</summary>
#
# 训练中每个答案都有年份，解码器学到的语言模型也就总是先写四位数字；它没有“不知道”这个选项。要么在训练数据中加入缺少年份的例子及相应的写法，要么看整个答案的概率（束搜索给出的 $\log p$），太低时拒绝回答。
# </details>

# %% [markdown]
# ## 小结
#
# - 编码器—解码器处理异步的序列到序列：`[BOS]` 开始，`[EOS]` 结束，训练时教师强制。
# - 语义向量是一个瓶颈；注意力让解码器每一步查询编码器的所有状态，补齐必须屏蔽。
# - 三个种子、三百步、一万九千多个训练样本（`python -m chapter6 run translation --seeds 3`，出自[长时间的实测](../guide/MEASURED_LONG_cn.md)），整个答案的准确率：初始状态 0.011 ± 0.010，参与所有时刻 0.591 ± 0.049，加性注意力 0.995 ± 0.002，乘性注意力 0.984 ± 0.003。
# - 真实句子（`data tatoeba` 之后 `--preset full`，一个种子）：加性注意力的 BLEU 为 19.7，束搜索 22.5；而**照抄训练集中最近一句的译文**是 27.4。数据这样少时，先与最简单的办法比一比。
# - 问你的模型：`python -m chapter6 predict --task translation "二〇二六年十一月二十四日"`。
#
# **下一步：** [addition_by_characters](addition_by_characters.ipynb)，训练时到底该喂真实的词，还是自己的词？
