# %% [markdown]
# # 连接时序分类（CTC）：不用对齐的识别
#
# *Recognition with CTC: many to many, with a shorter output*
#
# 拓展 `ctc` · 代码 `chapter6/extras/ctc_recognition.py`、`nndl/ctc.py`
#
# **问题：** 多对多，输入和输出都是序列，但输出较短，例如语音识别：几百帧声音，只有几个字，而且没有人标出哪一帧属于哪个字。怎样训练？
#
# **你会看到：** 空白 $\varphi$ 解决了什么；一个三步的小例子，27 条路径全部穷举，和三种算法对照；为什么每步取最可能的符号不一定得到最可能的答案；训练后的网络几乎处处输出 $\varphi$，每个数字只有一个**尖峰**。
#
# 数据是手写数字条：三至五个数字并排，每次读一列像素。全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格就是课程代码的原文：改动并重新运行它，后面的单元格就按改动后的代码计算。

# %%
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise, product
from math import exp, prod
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import nndl
from chapter6.extras import ctc_figures as figures
from chapter6.extras import ctc_findings as findings
from chapter6.extras.cells_compared import class_of, count, make_layer
from chapter6.extras.ctc_recognition import NUM_FEATURES, make_examples, trainings
from chapter6.lab import result
from chapter6.lab.report import Table
from chapter6.lab.training import Training, fit
from nndl import plot
from nndl.ctc import BLANK, prefix_beam
from nndl.dataset import digit_strips
from nndl.dataset.unaligned import NUM_DIGITS, Example, collate, make_loader, written

import numpy as np
import paddle
from paddle import nn

# %% [markdown]
# ## 多对多，输出较短
#
# *Nobody says which column is which digit*

# %%
run = tools.prepare("ctc", strings=1500, held_out=200, epochs=5, num_layers=1)
strip = digit_strips.draw("test", "3141", np.random.default_rng(5))  # ← 改这里：数字，或种子
figure, (axes,) = plot.panels(1, size=(6.4, 1.3))
axes.imshow(strip.X.T, cmap="Greys")
axes.set(yticks=[], xlabel=plot.both("column = step", "列，即时刻"))
axes.grid(visible=False)
print(
    f"X {list(strip.X.shape)} = [T, M]：{strip.X.shape[0]} 列，每列 {strip.X.shape[1]} 个像素；标签 U = {len(strip.labels)} 个"
)

# %% [markdown]
# 数字的宽度与间隔都是随机的。若要逐列给出标签，就得有人标出每个数字的边界，比写下“3141”费事得多。

# %% [markdown]
# ## 空白 $\varphi$ 与折叠
#
# *The blank, and collapsing*
#
# 网络每一步说一个符号：一个数字，或者表示“空”的 $\varphi$。所得的**路径** $\pi$ 按 $B(\cdot)$ 折叠成标签序列：先合并相邻的重复，再去掉 $\varphi$。没有 $\varphi$ 就说不出“33”：相邻的两个 3 会被合并。

# %%
# 摘自 nndl.ctc: collapse

for path in ("aab", "aφb", "aφab", "φaaφ", "aaφa"):
    ids = ["φab".index(symbol) for symbol in path]
    print(f"B({path}) = {''.join('φab'[i] for i in collapse(ids))}")

# %% [markdown]
# ### 思考
# 若把次序反过来，先去掉 $\varphi$ 再合并重复，会怎样？说出标签 `aab` 至少要几步？
#
# <details><summary>参考答案</summary>
#
# `aφab` 会变成 `ab`，重复的标签永远说不出来。`aab` 至少要 4 步：两个 a 之间必须有一个 φ（`nndl.ctc.steps_needed([1, 1, 2])` 给出 4）。步数不够时没有任何对齐，概率为 0，损失无穷大；飞桨此时的损失却是 0，什么也学不到，所以本项目的 `CTCLoss` 直接报错。
# </details>

# %% [markdown]
# ## 穷举所有的对齐
#
# *All alignments of a small example*
#
# 不知道对齐，就对**所有**对齐求和：
#
# $$p(y \mid X) = \sum_{\pi:\, B(\pi) = y}\ \prod_t p_t(\pi_t), \qquad \text{loss} = -\log p(y \mid X)$$
#
# 三步，每步 $\varphi$、a、b 的概率如下，要输出 ab。$3^3 = 27$ 条路径中，折叠后是 ab 的有五条：

# %%
P = [[0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.3, 0.1, 0.6]]  # ← 改这里：每行是一步，依次为 φ、a、b 的概率
SYMBOLS, WANTED = "φab", [1, 2]  # 要输出 ab

# 摘自 chapter6.extras.ctc_recognition: spell, forward, enumerate_alignments

found = enumerate_alignments()
rows = [[path, f"{p:.4f}"] for path, p in found["alignments"]]
rows += [
    ["**和**", f"**{found['sum']:.4f}**"],
    ["前向算法", f"{found['forward']:.4f}"],
    ["exp(−损失)，飞桨", f"{found['exp_of_loss']:.4f}"],
]
tools.show(Table("“ab”在三步中的所有对齐", ["对齐 π", "各步概率之积"], rows))

# %% [markdown]
# 穷举只适合小例子：六十列、十一个符号有 $11^{60}$ 条路径。**前向算法**（forward algorithm）用动态规划求同一个和。在标签之间和两端插入 $\varphi$，得 $z = \varphi\, a\, \varphi\, b\, \varphi$；$\alpha_t(s)$ 是到第 $t$ 步、走到 $z$ 的第 $s$ 格的所有路径的概率之和：
#
# $$\alpha_t(s) = p_t(z_s)\,\bigl(\underbrace{\alpha_{t-1}(s)}_{\text{停留}} + \underbrace{\alpha_{t-1}(s-1)}_{\text{前进一格}}
#   + \underbrace{[z_s \ne \varphi,\ z_s \ne z_{s-2}]\,\alpha_{t-1}(s-2)}_{\text{越过 }\varphi}\bigr)$$
#
# 只需 $T(2U+1)$ 个数。下图是同样的五条路径，线宽表示概率：

# %%
tools.show(figures.draw_alignments(tools.record(run, {"alignments": found})))

# %% [markdown]
# ### 动手改一改
# 把目标换成 aa，或换掉概率：先猜有几种对齐，再看穷举与前向算法是否仍然一致。

# %%
y, p = [1, 1], P  # ← 改这里：标签（1 为 a，2 为 b），各步概率

paths = [path for path in product(range(3), repeat=len(p)) if collapse(path) == y]
print("对齐：", [spell(path) for path in paths])
print(
    f"穷举 {sum(prod(row[s] for row, s in zip(p, path, strict=True)) for path in paths):.4f}，前向算法 {forward(p, y):.4f}"
)

# %% [markdown]
# ## 解码
#
# *Decoding: the likeliest path is not the likeliest labelling*
#
# **最佳路径**（best path）：每步取概率最大的符号，再折叠。它找到最可能的**路径**，但一个标签序列的概率是它所有路径之和。两步，每步 $\varphi$ .6、a .4：

# %%
# 摘自 nndl.ctc: best_path
# 摘自 chapter6.extras.ctc_recognition: decode_by_hand

decoded = decode_by_hand()
for labels, p in decoded["labellings"].items():
    print(f"p(“{labels}”) = {p:.2f}")
print(f"最佳路径：“{decoded['best_path']}”；前缀束搜索：“{decoded['prefix_beam']}”，概率 {decoded['probability']:.2f}")

# %% [markdown]
# 最可能的路径是 φφ（.36），即什么都没有；而 aφ、φa、aa 合起来是 .64。**前缀束搜索**（prefix beam search）把折叠后相同的路径加在一起再比较，答对了。

# %% [markdown]
# ## 模型与训练
#
# *Model and training: the five elements*
#
# 数字条 $[B, T, 8]$ → 双向 GRU $[B, T, 2D]$ → 线性层 $[B, T, 11]$：$\varphi$ 与十个数字的对数几率。每一列都有输出；训练、验证、测试用的是**不同的图像**。

# %%
# 摘自 chapter6.extras.ctc_recognition: make_model, logits_of, measure, places_of_spikes, train

wanted = [replace(each, train=train) for each in trainings(run)]  # 双向与仅前向各一个；train：本格中的函数
networks = tools.train_here(wanted)

# %%
curves = [
    [(step, error) for (step, _), error in zip(each["dev_losses"], each["dev_scores"], strict=True)]
    for each in networks
]
rows = [[str(step + 1), f"{a:.3f}", f"{b:.3f}"] for (step, a), (_, b) in zip(*curves, strict=True)]
tools.show(Table("验证集标签错误率（编辑次数 / 标签数）", ["步数", "双向", "仅前向"], rows))
tools.show(findings.table_of_networks(tools.record(run, {"trainings": networks})))

# %% [markdown]
# 仅前向的网络在第一次评价时错误率还是 1：它处处说 $\varphi$（平台期，看似毫无进展），随后才开始读出数字；双向的网络这时已经走出来了。没有给过任何对齐，网络自己找到了。一个种子不能作数；三个种子的结果见小结。

# %% [markdown]
# ## 尖峰
#
# *Spikes*
#
# 看两个网络在一条没见过的数字条上每一步说什么。灰色竖带是数字的真实位置，训练时从未给出：

# %%
# 摘自 chapter6.extras.ctc_recognition: SHOWN, load_runner, look

shown = [look(each, training) for each, training in zip(networks, wanted, strict=True)]
tools.show(figures.draw_spikes(tools.record(run, {"spikes": shown})))

# %% [markdown]
# 几乎处处是 $\varphi$，每个数字只有一个窄的尖峰。为什么会这样？损失只看折叠后的和：一个数字说一步就够，其余时刻都说 $\varphi$，对应的对齐最多。上表的“位置”一列：0 为数字开始处，1 为结束处。双向的网络在数字刚开始时就能说，因为它已经读过右侧；仅前向的网络要等到大半个数字读完，流式的语音识别因此总有延迟。

# %% [markdown]
# ### 动手改一改
# 画自己的数字条。相邻的相同数字（如 `33`）读得出来吗？更长的呢？训练中只有三至五个数字。

# %%
digits, seed = "3314159", 0  # ← 改这里

strip = digit_strips.draw("test", digits, np.random.default_rng(seed))
for each in networks:
    (z,) = logits_of(load_runner(each), [strip])
    path = "".join("φ0123456789"[symbol] for symbol in z.argmax(axis=-1))
    print(f"{each['direction']:13} {digits} 读作 {written(best_path(z))}")
    print(f"    各列最可能的符号：{path}")

# %% [markdown]
# ### 思考
# CTC 假设给定输入之后，各步的输出相互独立。翻译能不能用 CTC？
#
# <details><summary>参考答案</summary>
#
# 很难。CTC 的输出不能长于输入，次序也不能改变；各步独立，所以说出一个词不影响后面说什么。语音与手写合适：次序一致，输出较短。翻译的长度与次序都会变，要用编码器—解码器（`translation_attention`），它的每一步都以已写的词为条件。
# </details>

# %% [markdown]
# ## 小结
#
# - $\varphi$ 让输出短于输入；折叠 $B$ 先合并重复，再去掉 $\varphi$。
# - 训练时对所有对齐求和，前向算法只需 $T(2U+1)$ 个数；使用时，前缀束搜索比较标签序列，最佳路径只比较路径。
# - `python -m chapter6 run ctc --seeds 3`（2,000 条训练数字条）：双向网络的标签错误率 1.2 ± 0.4%（出自[长时间的实测](../guide/MEASURED_LONG_cn.md)）。
# - 口语数字（`data fsdd` 之后 `--preset full`，六个种子，每次留出一位说话人）：听过的说话人 1.6 ± 0.9%，从未听过的说话人 20 ± 12%。只报前一个数字，就看不到模型对新说话人的困难。
# - 问你的模型：`python -m chapter6 predict --task ctc 3141`。
#
# **下一步：** [quoted_numbers](quoted_numbers.ipynb)，常被引用的数字，背后是什么。
