# %% [markdown]
# # 字符级语言模型与文本生成
#
# *A language model of characters: what comes next?*
#
# 拓展 `language` · 代码 `chapter6/extras/language_model.py`
#
# **问题：** 判断一个序列后面各字符出现的概率，再不断循环，就能生成更长的文本。怎样知道模型学得好不好？教程里常见的“困惑度 1.0”说明了什么？
#
# **你会看到：** 文本怎样变成批次，标签怎样错开一位；困惑度怎样手算；只会数数的 $n$ 元语法能做到多好；隐状态怎样从一批传到下一批；一个小模型在读过与没读过的文本上的差别；温度怎样改变它写的东西。
#
# 全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格就是课程代码的原文：改动并重新运行它，后面的单元格就按改动后的代码计算。

# %%
from dataclasses import replace
from math import exp, log
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nndl
from chapter6.extras import language_figures as figures
from chapter6.extras import language_findings as findings
from chapter6.extras.cells_compared import class_of, count, make_layer
from chapter6.extras.language_findings import ORDERS
from chapter6.extras.language_model import AT_ONCE, characters_of, load_text, trainings
from chapter6.extras.language_variants import memorised_of, model_of
from chapter6.extras.language_writing import choosing, encode
from chapter6.lab import result
from chapter6.lab.report import Table
from chapter6.lab.training import Training, fit
from nndl import plot
from nndl.dataset.characters import Characters, Windows, in_order, joined
from nndl.dataset.text import Vocabulary
from nndl.file import replacing
from nndl.generate import Choose, Sampler, generate, greedy
from nndl.model.language import LanguageModel
from nndl.model.ngram import NGram

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

# %% [markdown]
# ## 自回归：用已读的预测下一个
#
# *Autoregressive: the next from those before*
#
# 一段文本 $x_1 \dots x_T$ 的概率可以逐个字符写开：
#
# $$p(x_1 \dots x_T) = \prod_{t} p(x_{t} \mid x_1 \dots x_{t-1}), \qquad
#   p(x_{t+1} \mid x_1 \dots x_t) = \mathrm{softmax}(H_t V + c)$$
#
# 循环网络正好合用：$H_t$ 概括了已读的一切。每一步都有输出，输入与输出同步，标签就是**下一个字符**，不需要任何人标注。

# %%
figure, (axes,) = plot.panels(1, size=(5.0, 2.3))
axes.set_xlim(-2.2, 2.2)
plot.unrolled(axes, reads=list("hell"), says=list("ello"))
# %% [markdown]
# ## 数据：字符、词表与批
#
# *The data: characters, vocabulary, batches*
#
# 用 Python 自带的文档作语料，离线总能得到；末尾的十分之一留作测试，**从不参与训练**。词表只来自训练集。

# %%
run = tools.prepare("language", epochs=3, eval_steps=125, memorised_epochs=80)
settings = vars(run.settings)
characters = characters_of(run)
for split, text in characters.texts.items():
    print(f"{split:5} {len(text):7,} 个字符  {text[:48]!r}…")
V = len(characters.vocabulary)
print(f"词表 V = {V}：{' '.join(characters.vocabulary.words[:12])} …（[LF] 为换行）")

# %% [markdown]
# `Windows` 把训练文本剪成 $B$ 条**文本流**，每批从每条流取 $L$ 个字符。看 $B = 2$、$L = 12$ 的头两批：标签比输入错后一位；第二批的每一行正好接着第一批的同一行。“接着上一批”（`goes_on`）告诉模型要不要沿用隐状态。


# %%
def read_back(ids: Any) -> str:
    """The characters of ids."""
    return joined([characters.vocabulary.words[i] for i in ids])


nndl.runtime.seed_everything(0)
for _, ((X, goes_on), y) in zip(range(2), Windows(characters.ids["train"], 2, 12), strict=False):
    print(f"X {list(X.shape)} = [B, L]，接着上一批：{goes_on}")
    for ids, labels in zip(X.tolist(), y.tolist(), strict=True):
        print(f"    输入 {read_back(ids)!r}   标签 {read_back(labels)!r}")

# %% [markdown]
# ## 困惑度
#
# *Perplexity: how many characters is it torn between?*
#
# $$\text{困惑度} = \exp\Bigl(-\frac 1 T \sum_t \log p(x_t \mid x_{<t})\Bigr)$$
#
# 它是交叉熵的指数，也是各步 $1/p$ 的几何平均：困惑度 8 相当于每一步都在 8 个字符之间乱猜。1 是每步必中，$V$ 是毫无所知。

# %%
p = [0.5, 0.25, 0.125, 0.5]  # ← 改这里：模型给四个正确字符的概率；把其中一个改成 0.001 会怎样？

perplexity = exp(-sum(map(log, p)) / len(p))
print(f"各步 1/p：{[1 / each for each in p]}，困惑度 {perplexity:.3f}")

# %% [markdown]
# ### 先数一数：$n$ 元语法
#
# *Counting first: n-grams*
#
# 在训练网络之前，先看不学习、只数数能做到多好：$n$ 元语法（n-gram）数出每 $n-1$ 个字符之后各字符出现过几次，用次数作概率（没见过的退回到更短的上文，即平滑）。一个网络若不如数五个字符，就什么也没有证明。

# %%
# 摘自 chapter6.extras.language_inspection: count_letters

counted = count_letters(characters)
columns = zip(range(1, ORDERS + 1), counted["train"], counted["test"], strict=True)
counters = [[f"{n} 元语法", f"{train:.2f}", f"{test:.2f}"] for n, train, test in columns]
tools.show(Table("困惑度：数过的文本与没数过的文本", ["模型", "数过的", "测试集"], counters))

# %% [markdown]
# 两列的差别值得记住。数得越长，在**自己数过的**文本上困惑度越低，看上去一路进步；在没见过的文本上，进步很快就停了。

# %% [markdown]
# ### 思考
# $n$ 再加大，左列会趋于多少？右列呢？
#
# <details><summary>参考答案</summary>
#
# 左列趋于 1：上文够长时，它在训练文本中只出现过一次，后面是什么完全确定，这就是背诵。右列几乎不再变化：没见过的长上文一律退回到较短的。在上面的代码单元格开头加一行 `ORDERS = 8`，再运行即可看到。
# </details>

# %% [markdown]
# ## 模型：独热向量或嵌入 → 循环层 → 线性层
#
# *One-hot or embedding, recurrent layer, linear layer*
#
# 字符 $[B, L]$ → 嵌入 $[B, L, M]$ → 循环层 $[B, L, D]$ → 线性层，对数几率 $[B, L, V]$。独热向量（one-hot）每个字符占一维，各字符之间的距离都相同；嵌入是一个 $V \times M$ 的矩阵，查表即得，可以训练，用法相近的字符会彼此靠近。

# %%
# 摘自 chapter6.extras.language_model: make_model

model = make_model(SimpleNamespace(**settings, inputs="embedding"), class_of("GRU"), V)
x = X[:1, :5]  # 上面第一条流的头五个字符
e = model.embedding_layer(x)
outputs, states = model.recurrent_layer(e)
logits = model.output_layer(outputs)
print(f"字符 {list(x.shape)} → 嵌入 {list(e.shape)} → 隐状态 {list(outputs.shape)} → 对数几率 {list(logits.shape)}")
S = F.one_hot(x, V)
same = float((S @ model.embedding_layer.W - e).abs().max())
print(f"独热向量 S {list(S.shape)}，S E 与查表相差 {same:.0e}")
for name, part in model.named_children():
    print(f"  {name:16} {count(part):7,} 个参数")

# %% [markdown]
# ## 跨批次状态
#
# *A state that is carried from batch to batch*
#
# 一个回合有四千个时间步，不可能整条反向传播。于是每 $L$ 步截断：**状态的值**传给下一批，**梯度**不传（截断的 BPTT）。验证：一次读完十二个字符，与分两批读、状态传下去，结果应当相同；若第二批从零状态开始，则不同。

# %%
model.eval()
whole = model((X, False))
first, second, forgetful = model((X[:, :6], False)), model((X[:, 6:], True)), model((X[:, 6:], False))
print(f"传递状态：与一次读完最大相差 {float((whole[:, 6:] - second).abs().max()):.0e}")
gaps = (whole[:, 6:] - forgetful).abs().max(axis=[0, 2])
print("不传递  ：逐步相差", [round(float(gap), 4) for gap in gaps])

# %% [markdown]
# 差别逐步变小：没有训练过的网络很快就忘了从哪里开始。训练会不会让它记得更久，取决于梯度能回传多远，这里是 $L = 32$ 步。

# %% [markdown]
# ## 训练
#
# *Training: the five elements*
#
# 五要素各占一行。评价时整个测试文本是**一条**流，从头读到尾，状态一直传下去，所以结果与批的大小无关。

# %%
# 摘自 chapter6.extras.language_model: load_characters, for_evaluation, between_evaluations, train

# %% [markdown]
# 训练两个模型：一个用全部训练文本读三遍；另一个只有两千个字符，读八十遍，把它**背下来**。

# %%
wanted = trainings(run, [model_of(settings), memorised_of(settings)])
found, memorised = tools.train_here(replace(each, train=train) for each in wanted)  # train：上一格中的函数
print(f"{found['parameters']:,} 个参数")

# %% [markdown]
# ## 评价：没读过的文本
#
# *On text never read*

# %%
heart, heart_dev, lowest = findings.by_heart(memorised)
rows = [*counters]
rows.append(["GRU，全部训练文本", f"{found['train_perplexity']:.2f}", f"**{found['test_perplexity']:.2f}**"])
rows.append(["GRU，背下 2,000 个字符", f"**{heart:.2f}**", f"{heart_dev:.0f}（验证集）"])
tools.show(Table("困惑度：读过的与没读过的", ["模型", "读过的", "没读过的"], rows))

# %%
record = tools.record(run, {"trainings": [found], "memorised": [memorised], "counted": counted})
tools.show(figures.draw_curves(record))

# %% [markdown]
# ### 困惑度 1.0 从哪里来
#
# 右图：背诵一小段时，训练困惑度（图中的训练集曲线）降到 1 附近，验证集上却越来越高：这就是过拟合。许多教程印出的 1.0 正是**训练文本**上的数字；同一个模型在没读过的文本上，连只数单个字符（24）也不如。左图的模型没有背下全文，在没读过的文本上反而好得多。
#
# 也请诚实地看左图的点线：训练三个回合的小 GRU 胜过数三个字符，还没有胜过数五个。更长的训练（见小结）才做得到。

# %% [markdown]
# ### 动手改一改
# 不传递状态（随机批次）、换成独热输入、换一种单元：小模型只读一遍，哪一个改动影响最大？一个种子、一个回合不能作数，只看方向。

# %%
small = model_of(settings) | {"hidden_size": 48, "epochs": 1}
changed = small | {"batching": "random"}  # ← 改这里：或 {"inputs": "one-hot"}；或 {"cell": "SRN"}、{"cell": "LSTM"}

pair = tools.train_here(replace(each, train=train) for each in trainings(run, [small, changed]))
for name, each in zip(("原样", "改后"), pair, strict=True):
    print(f"{name} {each['cell']:4} {each['inputs']}, {each['batching']}：测试困惑度 {each['test_perplexity']:.2f}")

# %% [markdown]
# ## 文本生成
#
# *Writing: choose, read it back, choose again*
#
# 给一个开头，模型读完后给出下一个字符的概率；选一个，再当作输入读进去，如此循环。先看一步：

# %%
# 摘自 chapter6.extras.language_model: load_model

model, vocabulary = load_model(found)
prefix = "The value of "  # ← 换一个开头
with paddle.no_grad():
    logits, _ = model.read(encode(vocabulary, prefix))
z = logits[0, -1].numpy()
rows = []
for T in (0.3, 1.0, 2.0):
    p = Sampler(temperature=T).probabilities(z)
    likely = np.argsort(-p)[:6]
    rows.append([f"{T:g}", *(f"{joined([vocabulary.words[i]])!r} {p[i]:.2f}" for i in likely)])
tools.show(Table(f"接在 {prefix!r} 之后最可能的六个字符", ["温度 T", *"123456"], rows))

# %% [markdown]
# 温度（temperature）$T$ 除在 softmax 之前，$p = \mathrm{softmax}(z / T)$：低则保守，高则大胆。另外两种办法是截去尾巴：top-$k$ 只在前 $k$ 个中抽，top-$p$ 只在概率之和刚达到 $p$ 的前几个中抽。

# %%
# 摘自 chapter6.extras.language_writing: continue_text

WAYS = {
    "贪心": greedy,
    "温度 0.5": Sampler(seed=0, temperature=0.5),
    "温度 1": Sampler(seed=0),
    "top-k 5": Sampler(seed=0, top_k=5),
    "top-p 0.9": Sampler(seed=0, top_p=0.9),
}  # ← 改温度、k、p 或种子
for name, choose in WAYS.items():
    print(f"{name:8} {prefix}{continue_text(model, vocabulary, prefix, 110, choose)}".replace("\n", "⏎"))

# %% [markdown]
# 总取最可能的字符（贪心）很快绕起圈子；按概率抽取则不会，但偶尔会抽到坏的，然后错下去。

# %% [markdown]
# ### 思考
# 语言模型能不能用双向循环网络，像文本分类那样？
#
# <details><summary>参考答案</summary>
#
# 不能。后向的一半在第 $t$ 步已经读过 $x_{t+1}$，即答案本身：训练困惑度会很快接近 1，生成时却没有后文可读。试试 `LanguageModel(nndl.GRU(32, 48, direction="bidirectional"), V)`：本项目直接拒绝。
# </details>

# %% [markdown]
# ## 单词嵌入向量
#
# *Vectors of characters*
#
# 没有人告诉模型哪些是元音、哪些是数字。嵌入矩阵中最常见的六十个字符，投影到方差最大的两个方向上，这一次元音聚到了下方，数字聚到了左侧：

# %%
# 摘自 chapter6.extras.language_inspection: vectors

record.metrics["vectors"] = vectors(model, vocabulary)
tools.show(figures.draw_vectors(record))

# %% [markdown]
# ## 小结
#
# - 语言模型的标签就是下一个字符；困惑度是交叉熵的指数。
# - 只看没读过的文本，并与数数作比较。训练困惑度说明不了什么。
# - 状态逐批传递，梯度截断。
# - 一个种子不能作出统计结论。`python -m chapter6 run language --seeds 3` 用三个种子比较八种模型；`data timemachine` 之后加 `--preset full`，在 *The Time Machine* 上：留出文本的困惑度 4.48 ± 0.01，数五个字符为 4.90（出自[长时间的实测](../guide/MEASURED_LONG_cn.md)）。
# - 让你的模型写作：`python -m chapter6 predict --task language "The time" --temperature 0.7`；自己的文本：`run language --text 文件`。
#
# **下一步：** [translation_attention](translation_attention.ipynb)，读一种序列，写另一种。
