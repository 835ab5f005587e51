# %% [markdown]
# # 6.5 LSTM 的记忆能力实验
#
# *The memory of a long short-term memory network*
#
# 视频 6.5 · 书中 6.3 节 · 代码 `chapter6/sec_6_5_lstm_memory.py`
#
# **问题：** 把 6.2 节的循环层换成长短期记忆网络（long short-term memory, LSTM），其余一概不变，能记得更久吗？
#
# **你会看到：** 三个门与三个状态各做什么；为什么 $C$ 是一条直连边；手工设定的门怎样保持一个数；LSTM 与 SRN 在两个长度上的对比；最后打开你自己训练的模型，逐步观察它的门，并输入别的数字。
#
# 全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格是课程代码的原文，改动后重新运行，后面即按改动后的代码计算。

# %%
from pathlib import Path
from typing import Any
import math
import random

import nndl
from chapter6 import sec_6_5_findings as findings
from chapter6.lab import measure
from chapter6.lab.report import Table
from chapter6.lab.training import Training
from chapter6.sec_6_2_srn_memory import learn, trainings
from nndl import plot
from nndl.dataset import digit_sum
from nndl.op.backend import choose

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn, split

# %% [markdown]
# ## 机器学习实践五要素
#
# *The five elements of machine learning*
#
# | 要素 | 与 6.2 节相比 |
# |---|---|
# | 1 数据 | 相同：DigitSum，求前两个数字之和 |
# | 2 模型 | 嵌入层 → **LSTM 层** → 线性层：只换循环层 |
# | 3 学习准则 | 相同：交叉熵 |
# | 4 优化算法 | 相同：Adam |
# | 5 评价指标 | 相同：准确率 |
#
# 所以一次训练只有两行：建立循环层，交给 6.2 节的 `learn`。

# %%
# 摘自 chapter6.sec_6_5_lstm_memory: train

# %% [markdown]
# ## LSTM 记忆能力实验：实验说明
#
# *What is compared with what*
#
# 同样的长度、种子、学习率、批次与回合，一边是 SRN，一边是 LSTM。这里取 $L = 10$ 和 $20$，各一个种子；书中取 $L = 10, 15, \dots, 35$。两个网络的隐状态一样大（$D = 32$），但参数**并不**一样多：见“模型构建”。

# %%
run = tools.prepare("6.5", lengths=(10, 20), seeds=1)
settings = run.settings
print(f"L = {settings.lengths}，{settings.epochs} 回合，每批 {settings.batch_size} 个，学习率 {settings.learning_rate}")

# %% [markdown]
# ## LSTM 记忆能力实验：模型介绍
#
# *Three gates, three states*
#
# $$
# \begin{aligned}
# I_t &= \sigma(X_t W_i + H_{t-1} U_i + b_i) \\
# F_t &= \sigma(X_t W_f + H_{t-1} U_f + b_f) \\
# O_t &= \sigma(X_t W_o + H_{t-1} U_o + b_o) \\
# \tilde C_t &= \tanh(X_t W_c + H_{t-1} U_c + b_c) \\
# C_t &= F_t \odot C_{t-1} + I_t \odot \tilde C_t \\
# H_t &= O_t \odot \tanh(C_t)
# \end{aligned}
# $$
#
# | 三个门（0 至 1） | 控制什么 |
# |---|---|
# | 输入门 $I_t$（input gate） | 候选状态写入多少 |
# | 遗忘门 $F_t$（forget gate） | 上一步的内部状态保留多少 |
# | 输出门 $O_t$（output gate） | 内部状态给出多少 |
#
# | 三个状态 | 是什么 |
# |---|---|
# | 候选状态 $\tilde C_t$（candidate state） | 这一步想写入的内容，形式同 SRN |
# | 内部状态 $C_t$（cell state） | 记忆：不经激活、不乘矩阵，只由遗忘门取舍，就传给下一步 |
# | 输出状态 $H_t$（hidden state） | $C_t$ 经 tanh 与输出门，供分类，也传给下一步的各门 |
#
# ### C 作为直连边
#
# $C_{t-1}$ 到 $C_t$ 的直接路径上只有一次逐元素乘法，既没有矩阵，也没有 tanh，很像残差连接：
#
# $$\frac{\partial C_t}{\partial C_{t-1}} = \mathrm{diag}(F_t) + \cdots, \qquad
# \text{而 SRN：}\ \frac{\partial H_t}{\partial H_{t-1}} = \mathrm{diag}(1 - H_t^2)\, U^{\top}$$
#
# （省略号是经过 $H_{t-1}$ 和各门的间接路径。）遗忘门接近 1 时，梯度几乎原样传回。但“接近 1”不是白来的：下面测量**未训练**的网络，从 $H_L$ 的各元素之和传回初始状态（SRN 为 $H_0$，LSTM 为 $C_0$）的梯度范数。

# %%
nndl.runtime.seed_everything(0)
layers = {"SRN": nndl.SRN(32, 32), "LSTM": nndl.LSTM(32, 32), "LSTM，遗忘门偏置 3": nndl.LSTM(32, 32)}
b = layers["LSTM，遗忘门偏置 3"].b.numpy()
b[0, 32:64] = 3.0  # ← 可以改；四组偏置并列：i、f、c、o
layers["LSTM，遗忘门偏置 3"].b.set_value(b)
embedding = nndl.Embedding(10, 32)

rows = []
for length in (1, 5, 10, 20, 40):
    X, row = embedding(paddle.to_tensor([[6] + [0] * (length - 1)])), []
    for name, layer in layers.items():
        H_0, C_0 = paddle.zeros([1, 1, 32]), paddle.zeros([1, 1, 32])
        first = H_0 if name == "SRN" else C_0
        first.stop_gradient = False
        outputs, _ = layer(X, H_0 if name == "SRN" else (H_0, C_0))
        (gradient,) = paddle.grad(outputs[0, -1].sum(), first)
        row.append(f"{gradient.norm().item():.2g}")
    rows.append([str(length), *row])
tools.show(Table("传回初始状态的梯度范数", ["L", *layers], rows))

# %% [markdown]
# 未训练的 LSTM，遗忘门约为 $\sigma(0) = 0.5$，每步减半，梯度比 SRN 消失得**更快**；遗忘门偏置取 3（$\sigma(3) \approx 0.95$）时才留得住。直连边提供的是保持的**可能**，能否用上要靠学习。

# %% [markdown]
# ## LSTM 记忆能力实验：模型实现
#
# *The cell*
#
# 四组权重并列成一个矩阵，次序同飞桨，i、f、c、o：$W = [W_i\ W_f\ W_c\ W_o] \in \mathbb{R}^{M \times 4D}$，$U \in \mathbb{R}^{D \times 4D}$，$b \in \mathbb{R}^{1 \times 4D}$，所以每步只需一次矩阵乘法。

# %%
from nndl.op.cell import ACTIVATIONS, Cell

# 摘自 nndl.op.cell: LSTMCell

nndl.LSTM.cell_class = LSTMCell  # 从此 nndl.LSTM 用的就是这个单元格中的公式

# %% [markdown]
# **手工设定的门。** 只有一个单元的 LSTM，每步两个输入：要记的数，以及要不要记。取 $W_i = (0, 200)$，$b_i = -100$：第二个输入为 1 时输入门才打开；遗忘门与之相反。于是 $C$ 记下第一步的 $\tanh(\tanh^{-1} 0.5) = 0.5$，此后原样保持：

# %%
# 摘自 chapter6.sec_6_5_lstm_memory: hand_set_example

example = hand_set_example()
print("笔算的 C", example["paper"])
print("nndl.LSTM", [round(C, 6) for C in example["lstm"]])

# %% [markdown]
# ### 动手改一改
# 让门只开一半：遗忘门的偏置为 0（$F = 0.5$），看 $C$ 怎样逐步减半；再试 $b_f = 3$。

# %%
b_f, steps = 0.0, 6  # ← 改这里
lstm = nndl.LSTM(1, 1)
lstm.W.set_value(paddle.to_tensor([[200.0, 0.0, 1.0, 0.0]]))  # i f c o
lstm.U.set_value(paddle.zeros([1, 4]))
lstm.b.set_value(paddle.to_tensor([[-100.0, b_f, 0.0, 100.0]]))
with nndl.op.recording(lstm.cells[0]) as recorded:
    lstm(paddle.to_tensor([[[1.0]] + [[0.0]] * (steps - 1)]))
print("F", [round(step["forget_gate"].item(), 3) for step in recorded])
print("C", [round(step["cell_state"].item(), 3) for step in recorded])

# %% [markdown]
# **初始状态**可以从外面传进来，不传则为 0。所以一个序列可以分两段读：把前一段的最后状态传给后一段，与一次读完相同。

# %%
nndl.runtime.seed_everything(0)
lstm = nndl.LSTM(32, 32)
X = paddle.randn([4, 10, 32])  # [B, L, M]
outputs, (H, C) = lstm(X)
print(f"输出 {list(outputs.shape)} = [B, L, D]；H {list(H.shape)}，C {list(C.shape)} = [层数, B, D]")

_, state = lstm(X[:, :6])
second, _ = lstm(X[:, 6:], state)
zeros = paddle.zeros([1, 4, 32])
print(f"分两段读，传递状态：相差 {(second - outputs[:, 6:]).abs().max().item():.0e}")
print(f"分两段读，不传状态：相差 {(lstm(X[:, 6:])[0] - outputs[:, 6:]).abs().max().item():.2f}")
print(f"传入全 0 的状态与不传：相差 {(lstm(X, (zeros, zeros))[0] - outputs).abs().max().item():.0e}")

# %% [markdown]
# **与飞桨 LSTM 对比：** 相同的权重，状态与梯度是否相同？各要多久？

# %%
# 摘自 chapter6.sec_6_5_lstm_memory: compare_with_paddle

comparison = compare_with_paddle(settings)
tools.show(measure.parity_claim("LSTM", comparison["parity"]), measure.speed_table(comparison["speed"]))

# %% [markdown]
# ## LSTM 记忆能力实验：模型构建
#
# *The model, counted*
#
# 模型仍是 `Model_RNN4SeqClass`，只是循环层换成 LSTM。四组权重，参数是 SRN 层的四倍：$4(MD + D^2 + D)$。各步仍然共享权重，与 $L$ 无关。

# %%
M, D = settings.input_size, settings.hidden_size
rows = []
for name, layer, formula in (
    ("SRN", nndl.SRN(M, D), M * D + D * D + D),
    ("LSTM", nndl.LSTM(M, D), 4 * (M * D + D * D + D)),
):
    model = nndl.Model_RNN4SeqClass(layer, digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES)
    of_layer, of_model = (sum(int(p.size) for p in part.parameters()) for part in (layer, model))
    rows.append(
        [
            name,
            *(str(list(getattr(layer, letter).shape)) for letter in "WUb"),
            str(formula),
            str(of_layer),
            str(of_model),
        ]
    )
tools.show(Table("参数", ["循环层", "W", "U", "b", "按公式", "数出来", "整个模型"], rows))

# %% [markdown]
# ## LSTM 记忆能力实验：模型训练
#
# *Training*

# %%
lstm_trainings = trainings(run, "LSTM", train, backend=choose(settings.backend, LSTMCell))
results = tools.train_here([*lstm_trainings, *trainings(run)])
record = tools.record(run, {"example": example, **comparison, "trainings": results, "gates": []})
tools.show(findings.draw_losses(record, "LSTM"))

# %% [markdown]
# ## LSTM 记忆能力实验：模型评价
#
# *Evaluation: SRN against LSTM*

# %%
tools.show(findings.accuracy_table(results, ["SRN", "LSTM"], settings.lengths))

# %% [markdown]
# 一个种子不能作出统计结论，尤其是 $L = 20$：换一个种子，两者可能相差很大（见小结）。不过有一个差别很容易看到。6.2 节的 SRN 只在第 $L$ 步答得出；让这里的模型也读其他长度的序列：


# %%
def trained(result: dict[str, Any]) -> nn.Layer:
    """训练好的模型。"""
    layer = getattr(nndl, result["model"])(result["input_size"], result["hidden_size"])
    model = nndl.Model_RNN4SeqClass(layer, digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES)
    nndl.RunnerV3(model, None, None, None).load_model(Path(result["folder"]) / "best.pdparams")
    model.eval()
    return model


lengths = (5, 8, 9, 10, 11, 12, 15, 20)  # ← 可以改
rows = []
with paddle.no_grad():
    for name in ("SRN", "LSTM"):
        model, row = trained(results.where(model=name, length=10)[0]), []
        for length in lengths:
            examples = digit_sum.generate(length, k=1, rng=random.Random(0))
            digits, sums = (paddle.to_tensor(column) for column in zip(*examples, strict=True))
            row.append(f"{(model(digits).argmax(axis=1) == sums).astype('float32').mean().item():.2f}")
        rows.append([name, *row])
tools.show(Table("在 L = 10 上训练，读其他长度的序列：准确率", ["", *map(str, lengths)], rows))

# %% [markdown]
# SRN 差一步就答不出；LSTM 在相邻的长度上仍然可以。它学到的更像“记住”，而不是“第 10 步报答案”：和存在 $C$ 中，多等几步也还在。

# %% [markdown]
# ## LSTM 记忆能力实验：可视化
#
# *Gates and states at work (figure 6.13)*
#
# 打开在 $L = 10$ 上训练的模型，让它读书中的序列 6 7 0 0 1 0 0 0 0 0，记录每一步的门与状态。

# %%
GATES = ("input_gate", "forget_gate", "output_gate")
STATES = ("candidate", "cell_state", "hidden_state")

# 摘自 chapter6.sec_6_5_lstm_memory: watch_gates

result = results.where(model="LSTM", length=10)[0]


def draw(digits: tuple[int, ...]) -> dict[str, Any]:
    """图 6.13：任意数字序列。"""
    watched = watch_gates(result, digits)
    of_these = tools.prepare("6.5", lengths=settings.lengths, digits=digits)
    metrics = record.metrics | {"gates": [watched]}
    tools.show(tools.pick(findings.figures(tools.record(of_these, metrics)), "6.13"))
    return watched


watched = draw((6, 7, 0, 0, 1, 0, 0, 0, 0, 0))

# %% [markdown]
# 书中说：各门对 0 的反应相近；数字 1 到来时遗忘门发生变化。用数字检查：每一步与前一步相比，32 个单元平均变化多少？

# %%
digits = (6, 7, 0, 0, 1, 0, 0, 0, 0, 0)
changes = {name: np.abs(np.diff(watched[name], axis=0)).mean(axis=1) for name in GATES}
rows = [[str(t + 1), str(digits[t]), *(f"{changes[name][t - 1]:.3f}" for name in GATES)] for t in range(1, len(digits))]
tools.show(Table("与前一步相比的平均变化", ["t", "读入", "输入门", "遗忘门", "输出门"], rows))

# %% [markdown]
# 读到 1 时（$t = 5$），遗忘门的变化大于前后各个“0 到 0”；连续读 0，三个门大体上越来越平静。这里是一个模型、一个序列；多个种子的判定见小结。
#
# ### 动手改一改
# 换成别的数字：干扰数字换成 9、移到结尾，或者根本没有；序列短一些或长一些。答案还对吗？哪些单元的 $C$ 变了？

# %%
watched = draw((3, 4, 0, 0, 0, 0, 0, 9, 0, 0))  # ← 改这里
print("预测", watched["prediction"])

# %% [markdown]
# 书中的各个论断，由课程代码判定（一个种子，所以凡与训练有关的都是“未定”）：

# %%
complete = tools.record(run, record.metrics | {"gates": [watch_gates(result, settings.digits)]})
tools.show(findings.claims(complete))

# %% [markdown]
# ### 思考
#
# **1.** 去掉遗忘门，即 $C_t = C_{t-1} + I_t \odot \tilde C_t$，会得到什么，失去什么？在 `LSTMCell` 的单元格中试一试。
#
# <details><summary>参考答案</summary>
#
# 直连边上的导数恒为 1，梯度在这条路径上不消失：这正是 1997 年最初的 LSTM。失去的是清除记忆的能力，$C$ 会越积越大，tanh 随之饱和；遗忘门是后来（Gers 等，2000）加上的。
#
# </details>
#
# **2.** 参数是 SRN 的四倍，优势会不会只因为参数多？怎样公平地比较？
#
# <details><summary>参考答案</summary>
#
# 让参数数目相同，例如 SRN 取更大的 $D$。练习与拓展 `cells` 就这样比较十三种单元（`python -m chapter6 run cells`）。
#
# </details>
#
# **3.** LSTM 能防止梯度爆炸吗？
#
# <details><summary>参考答案</summary>
#
# 不能。$C$ 的直接路径上因子不超过 1，但经过 $H_{t-1}$ 和 $U$ 的间接路径没有上界。`python -m chapter6 run gradients` 中，$U$ 放大八倍时梯度增长到 3e5（出自[长时间的实测](../guide/MEASURED_LONG_cn.md)）。所以训练 LSTM 时通常也作梯度截断，见 6.4 节。
#
# </details>
#
# **4.** 为什么用 $H_L$ 而不用 $C_L$ 分类？
#
# <details><summary>参考答案</summary>
#
# 分工：$C$ 负责保存，$H$ 负责给出。保存的内容不必每一步都暴露给输出层和各门，由输出门决定何时给出。
#
# </details>

# %% [markdown]
# ## 小结
#
# - 三个门、三个状态；$C_t = F_t \odot C_{t-1} + I_t \odot \tilde C_t$ 是直连边，遗忘门接近 1 时信息和梯度都能保持。
# - 笔算、`nndl.LSTM`、`paddle.nn.LSTM` 一致；LSTM 层的参数是 SRN 层的四倍。
# - 门可以逐步观察，任意数字都可以试。
#
# 完整的一课（`python -m chapter6 run 6.5 --preset book`，三个种子，书中的设置）测得测试准确率：
#
# | L | 10 | 15 | 20 | 25 | 30 | 35 |
# |---|---|---|---|---|---|---|
# | SRN | 0.79 ± 0.06 | 0.67 ± 0.06 | 0.64 ± 0.17 | 0.52 ± 0.10 | 0.34 ± 0.08 | 0.25 ± 0.17 |
# | LSTM | 0.89 ± 0.01 | 0.82 ± 0.05 | 0.72 ± 0.18 | 0.67 ± 0.02 | 0.68 ± 0.07 | 0.68 ± 0.18 |
#
# （出自[长时间的实测](../guide/MEASURED_LONG_cn.md)。）“各长度上 LSTM 都优于 SRN”未定：各长度的均值都更高，但各种子差异较大；对各长度取平均则成立，高 0.21 ± 0.09。LSTM 的准确率也随长度下降；各门对 0 的反应相近、数字 1 到来时遗忘门变化，都成立。
#
# **下一步：** [6.6](sec_6_6_lstm_walkthrough.ipynb) 是本节的代码演示；`python -m chapter6 page` 生成的网页中可以悬停查看每个门的算式。[6.2](sec_6_2_srn_memory.ipynb) 是本节的另一半，[6.4](sec_6_4_gradient_explosion.ipynb) 讲梯度。
