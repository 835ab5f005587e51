# %% [markdown]
# # 6.8 自定义 LSTM 与飞桨 LSTM 对比
#
# *One's own LSTM against Paddle's*
#
# 视频 6.8 · 书中 6.5 节 · 代码 `chapter6/sec_6_8_lstm_comparison.py`
#
# **问题：** 公式相同、权重相同，飞桨的 LSTM 为什么比自定义的快得多？自定义的又能快到什么程度？
#
# **你会看到：** 计算同一个 LSTM 的五种方式，如同一架阶梯；它们的输出、状态、梯度相同，速度与内存不同；把它们放进 6.7 节的文本模型
# 训练，损失也相同，除了一处小小的例外。
#
# 全部运行约半分钟，不需要 GPU 和网络。速度随机器而异，这里印出的是第一个单元格所示机器上的，而且机器可能正忙：**只看比值**，
# 不要看绝对数。标有“摘自”的单元格是课程代码的原文，可以改动。

# %%
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import nndl
from chapter6 import presets
from chapter6 import sec_6_8_findings as findings
from chapter6 import sec_6_8_ladder as ladder
from chapter6.lab import progress
from chapter6.lab.lesson import Run
from chapter6.lab.measure import PARITY, forward_backward, parity, peak_memory, ratios, take_turns
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from chapter6.lab.training import Training
from chapter6.sec_6_7_text_classification import training_of
from nndl.dataset import small_reviews
from nndl.dataset.batching import make_loader
from nndl.op import backend
from nndl.op.cell import LSTMCell
from nndl.op.backend.bptt import _Found, _Steps
from nndl.op.lengths import valid_steps
from nndl.op.backend import BACKENDS

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

# %% [markdown]
# ## 阶梯：五种计算方式
#
# *The ladder*

# %%
# 摘自 chapter6.sec_6_8_ladder: RUNGS, FLOOR, available, build

rungs = available()
tools.show(
    Table(Text("The ladder", "阶梯"), [findings.RUNG, Text("what it does", "做法")], [[n, RUNGS[n]] for n in rungs])
)

# %% [markdown]
# ### 1 逐步（stepwise）：书中写法
#
# 每一步，四个门各乘一次输入、一次状态，共八次矩阵乘，外加十七个逐元素的小算子；每个都由 Python 调用，都被自动微分记录在案。

# %%
# 摘自 nndl.op.backend.stepwise: _Step

backend.stepwise._Step = _Step  # 改动上面的公式，下文的 stepwise 就按它计算

# %% [markdown]
# ### 2 合并（fused）
#
# 四个门的输入相同，权重可以并列，$W = [W_i\ W_f\ W_c\ W_o]$；$X_t W + b$ 与前面的状态无关，所有时刻可以一次乘完：
#
# $$[B\cdot L, M] \times [M, 4D] \quad\text{一次}, \qquad [B, D]\times[D, 4D] \quad\text{每步一次}$$
#
# 八次变成一次。数是一样的：

# %%
nndl.runtime.seed_everything(0)
B, L, M, D = 2, 3, 4, 5
X, W, b = paddle.randn([B, L, M]), paddle.randn([M, 4 * D]), paddle.randn([1, 4 * D])
at_once = X @ W + b  # [B, L, 4D]
gates = list(zip(paddle.split(W, 4, axis=1), paddle.split(b, 4, axis=1), strict=True))
one_by_one = paddle.stack(
    [paddle.concat([X[:, t] @ W_g + b_g for W_g, b_g in gates], axis=-1) for t in range(L)], axis=1
)
print("形状", list(at_once.shape), " 最大误差", float((at_once - one_by_one).abs().max()))

# %% [markdown]
# 本项目的 `LSTMCell` 就这样写，见 6.5 节的 notebook；练习 6.2 请你自己写一遍（`exercises.ipynb`）。
#
# ### 3 手推（bptt）
#
# 自动微分逐个算子往回走。手推随时间反向传播（backpropagation through time, BPTT），每步只求四个门激活之前的梯度
# $\delta_t$，$\mathrm dU = \sum_t H_{t-1}^\top\delta_t$ 最后一次乘完：

# %%
# 摘自 nndl.op.backend.bptt: _backward

BACKENDS["bptt"].module._backward = _backward  # 改动上面的推导（例如去掉 1 - C_tilde²），看下面“结果相同吗”怎样发现

# %% [markdown]
# ### 4 自编（native）与 5 飞桨（paddle）
#
# 所有时刻合为**一个** C++ 算子：时刻之间不再回到 Python。飞桨的 LSTM 也是如此。自编算子里的公式，与书中逐行对应：

# %%
cells = (Path(nndl.__file__).parent / "op/backend/cpp/cells.h").read_text(encoding="utf-8")
start = cells.index("struct LSTM {")
print(cells[start : cells.index("\n};", start) + 3])

# %% [markdown]
# ## 结果相同吗
#
# *Do they agree?*
#
# 两层、双向、长短不一的序列，从飞桨的层复制权重，比较输出、最后的状态，以及对输入和全部权重的梯度。相对误差不超过
# 1e-5（float32）与 1e-10（float64）才算相同。

# %%
# 摘自 chapter6.sec_6_8_lstm_comparison: compare_with_paddle

differences = compare_with_paddle(rungs)
tools.show(findings.parity_table(differences), findings.parity_claim(differences))

# %% [markdown]
# 误差在末位的舍入：加法的次序不同，结果就可能差最后一位。它们是**同一个** LSTM。
#
# ### 动手改一改
#
# 在 `_Step` 里漏掉一个偏置，或在 `_backward` 里去掉 `(1 - C_tilde * C_tilde)`，重新运行那个单元格和下面这个：是输出错了，还是只有梯度错了？

# %%
for name in ("stepwise", "bptt"):  # ← 你改过的那一级
    found = parity(nndl.LSTM, nn.LSTM, "float32", name)
    print(name, {kind: f"{value:.0e}" for kind, value in found.items() if kind in ("outputs", "gradient weight_hh_l0")})

# %% [markdown]
# ## 各有多快
#
# *How fast is each?*
#
# 各种方式轮流测量，机器忙闲对各级相同，取中位数。`products` 只做必不可少的矩阵乘：凡由飞桨的算子组成的，都不可能比它快。

# %%
# 摘自 chapter6.sec_6_8_ladder: measure, _forward, _products

REPEATS = 5
shapes = [(8, 20, 32), (16, 40, 64)]  # ← B、L、D：换成你关心的
points = [measure(rungs, *shape, REPEATS) for shape in shapes]
tools.show(*(findings.shape_table(point, REPEATS) for point in points))

# %%
# 各次测量之比的中位数
for point in points:
    slower = {name: median(ratios(point["both"], name, to="paddle")) for name in rungs}
    print(f"{findings.name_of(point)}，用时与飞桨之比：", {name: round(ratio, 2) for name, ratio in slower.items()})

# %% [markdown]
# 与 `products` 相比：逐步计算的时间，大部分**不是**花在矩阵乘上，而是花在调用许多小算子上。小算子的开销与隐状态大小无关，矩阵乘则
# 随之增大：所以 $D$ 越大，各级与飞桨的差距越小。
#
# ### 动手改一改
#
# 序列加长，时间与内存怎样增长？把 `(16, 32, 64)` 换成别的步数，或把 `D` 改大。

# %%
D = 32  # ← 改这里
by_steps = [measure(rungs, 8, L, D, 3) for L in (16, 32, 64)]  # ← 或这里
for name in ("steps", "memory"):
    of, what = {"steps": (findings.times_of, findings.TIME), "memory": (findings.megabytes_of, findings.MEMORY)}[name]
    tools.show(findings.draw(by_steps, "L", of, what, findings.CAPTIONS[name]))

# %% [markdown]
# ### 思考
#
# 1. 前向所得为什么要逐步保留到反向？哪种方式保留得最多，为什么？
# 2. 自编算子能否比 `products` 还快？
#
# <details><summary>参考答案</summary>
#
# 1. $\delta_t$ 要用到 $I_t, F_t, O_t, \tilde C_t, C_{t-1}$，所以内存随步数线性增长。`bptt` 最多：它把全部 $\delta_t$ 留到最后，好把
#    $\mathrm dU$ 一次乘完，用内存换了时间。`native` 则连 $\tanh C_t$ 也不存，反向时再算一遍（见上面的 `back`）。其余各级的次序
#    随规模而变，见上面的表。
# 2. 原则上能（这一次是否做到，看上面的表）。`products` 由飞桨的矩阵乘算子组成，每步仍要回到 Python；自编算子有自己的矩阵乘，权重一直在缓存中。所以它不是自编算子的下限。
#
# </details>

# %% [markdown]
# ## 训练影评
#
# *Training on reviews*
#
# 书中的最后一步：6.7 节的文本模型改为单向，分别用自定义与飞桨的 LSTM 训练。课程对三种方式各训练若干种子：

# %%
# 摘自 chapter6.sec_6_8_lstm_comparison: IN_TRAINING, trainings

run = tools.prepare(
    "6.8", corpus="small", tokenizer="word", train_reviews=640, dev_reviews=100, epochs=1, input_size=32, hidden_size=32
)  # ← 影评很少，只为测速；去掉这些设置即预设 quick
results = tools.train_here(trainings(run, rungs, "small"))
seconds = {found["backend"]: found["epoch_seconds"] for found in results}
for name, value in seconds.items():
    print(f"{name:9} 每回合的用时是飞桨的 {value / seconds['paddle']:.2f} 倍")

# %% [markdown]
# 模型的其余部分（嵌入、Adam、评价）谁都一样，所以倍数比单独一层时小。训练太短，准确率不说明什么；用多个种子、足够的回合，
# 它们相当（见小结）。
#
# ### 从同样的权重出发
#
# *From the same weights*
#
# 要比准确率，不如更进一步：权重相同、批次相同，每一步的损失也应相同。

# %%
corpus = small_reviews.load("word").limit(0, 5)
np.random.seed(0)
batches = list(make_loader(corpus.reviews["train"].first(640), 64, 128))


def follow(backend: str) -> list[float]:
    """The losses of the first steps: the same start, the same batches, another way to compute the LSTM."""
    nndl.runtime.seed_everything(0)
    model = nndl.Model_BiLSTM_FC(len(corpus.vocabulary), 32, 32, direction="forward", pooling="max")
    if backend == "native":
        same = nndl.Model_BiLSTM_FC(len(corpus.vocabulary), 32, 32, direction="forward", pooling="max", backend=backend)
        same.set_state_dict(model.state_dict())
        model = same
    elif backend != "paddle":
        model.lstm_layer = nndl.LSTM.from_paddle(model.lstm_layer)
        model.lstm_layer.backend = backend
    optimizer, losses = nndl.Adam(0.01, parameters=model.parameters()), []
    for X, y in batches:
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(loss.item())
    return losses


followed = {name: follow(name) for name in rungs}
for step in (0, 1, 4, 9):
    print(f"第 {step + 1:2} 步 ", "  ".join(f"{name} {losses[step]:.6f}" for name, losses in followed.items()))

# %% [markdown]
# ### 思考
#
# 第 1 步五种方式的损失相同，之后 stepwise、fused、bptt 一组，native 与 paddle 一组，两组渐渐分开。公式不是相同吗？
#
# <details><summary>参考答案</summary>
#
# 飞桨的 LSTM 有**两个**偏置，$b_{ih} + b_{hh}$，自编算子 `native` 在文本模型里沿用飞桨的参数；自定义的只有一个 $b$。两个偏置得到同样的
# 梯度，各走一步，加起来就走了两步：偏置的学习率等于加倍。函数相同，参数化不同，优化的路径便不同；既不更好也不更坏。
#
# </details>

# %% [markdown]
# ## 小结
#
# *What the full lesson measures*
#
# 多次测量、多个种子（预设 `quick`，双核 AMD EPYC）：
#
# | 论断 | 实测 |
# |---|---|
# | 五种 LSTM 的输出、状态与梯度相同 | float32 5e-7，float64 8e-16，成立 |
# | 飞桨快于逐步计算 | B=8, L=20, D=32 时 15 倍；B=32, L=64, D=128 时 3.6 倍，成立 |
# | 在影评上训练，飞桨快 1.5 倍以上 | 2.8 倍，成立 |
# | 准确率相当（相差不到 0.02） | 0.893 ± 0.005 与 0.895 ± 0.001，成立 |
# | 自编算子快于飞桨 | 1.5 倍与 1.2 倍（AVX2），在这台机器上成立；每台机器重新判断 |
# | 内存随步数线性增长 | 成立 |
#
# 为什么飞桨在 AMD 处理器上可能很慢？`import nndl` 为何要在 `import paddle` 之前？见 README 中同名的一节。
#
# ```
# python -m chapter6 run 6.8
# python -m chapter6 run 6.8 --shapes "16x50x64 64x100x256"
# ```
#
# 下一步：`exercises.ipynb`，练习 6.2 与 6.7 请你自己登上这架阶梯。
