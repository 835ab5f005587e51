# %% [markdown]
# # 6.2 SRN 的记忆能力实验
#
# *The memory of a simple recurrent network*
#
# 视频 6.2 · 书中 6.1 节 · 代码 `chapter6/sec_6_2_srn_memory.py`
#
# **问题：** 简单循环网络能记住多久以前读到的内容？
#
# 任务小到可以用眼睛检查：网络逐个读入 $L$ 个数字，读完后说出**前两个**数字之和（0 至 18）。前两个之后几乎都是 0，只有一个干扰数字。序列越长，两个加数离结尾越远，需要的记忆就越长。
#
# **你会看到：** 数字怎样变成向量；SRN 的每一步怎样计算（与笔算、与飞桨三方对照）；模型有多少参数；训练六个小模型后，准确率怎样随 $L$ 下降。
#
# 全文计算约半分钟，不需要 GPU 和网络。标有“摘自”的单元格就是课程代码的原文：改动并重新运行它，后面的单元格就按改动后的代码计算。

# %%
from collections.abc import Iterator
from pathlib import Path
from typing import Any
import math

import nndl
from chapter6 import sec_6_2_findings as findings
from chapter6.lab import measure
from chapter6.lab.lesson import Run
from chapter6.lab.report import Table
from chapter6.lab.training import Training, fit
from chapter6.sec_6_2_srn_memory import find_data
from nndl import plot
from nndl.dataset import DATA, digit_sum

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.io import DataLoader
from paddle.nn.initializer import Assign

# %% [markdown]
# ## RNN 与 SRN
#
# 循环神经网络（recurrent neural network, RNN）逐步读入序列，并把读过的内容存在隐状态（hidden state）$H_t$ 中。最简单的一种是简单循环网络（simple recurrent network, SRN）：
#
# $$H_t = \tanh(X_t W + H_{t-1} U + b)$$
#
# 比前馈网络只多一项 $H_{t-1} U$。每一步用的都是同样的 $W$、$U$、$b$，这就是**权重共享**。在本实验中，只有读完之后的 $H_L$ 用于分类：前两个数字必须经过 $L-2$ 步才能到达那里。

# %%
figure, (axes,) = plot.panels(1, size=(5.6, 2.3))
plot.unrolled(axes, reads=["6", "7", "0", "1", "0"], says=["", "", "", "", "13"])
_ = axes.set_xlim(-3, 3)
# %% [markdown]
# ## 机器学习实践五要素
#
# *The five elements of machine learning*
#
# | 要素 | 本实验 | 代码中 |
# |---|---|---|
# | 1 数据 | DigitSum：每个长度 300 个训练样本，验证集、测试集各 100 个 | `make_loaders` |
# | 2 模型 | 嵌入层 → SRN 层 → 线性层 | `Model_RNN4SeqClass` |
# | 3 学习准则 | 交叉熵，取一批的平均 | `nn.CrossEntropyLoss` |
# | 4 优化算法 | Adam | `nndl.Adam` |
# | 5 评价指标 | 准确率 | `nndl.Accuracy` |
#
# 先看全貌：下面的 `learn` 就是一次完整的训练与评价，五要素各占一行。以下各节把这些行逐一拆开；到“多组训练”一节再真正调用它。

# %%
# 摘自 chapter6.sec_6_2_srn_memory: train, learn

# %% [markdown]
# ## 数据
#
# *Data*
#
# 一个样本占一行：数字、制表符、标签。

# %%
folder = digit_sum.provide(DATA, 10)  # 长度 L = 10
print("\n".join((folder / "train.txt").read_text().splitlines()[219:225]))

# %% [markdown]
# 数据这样生成：列出 100 个数对 $(n_1, n_2)$，后面补 $L-2$ 个 0，再把其中**一个**位置换成 0 至 9 的随机数字。训练集中每个数对 3 个样本，验证集和测试集各 1 个。`make_loaders` 把它们分成批：

# %%
# 摘自 chapter6.sec_6_2_srn_memory: make_loaders

train_loader, dev_loader, test_loader = make_loaders(folder, batch_size=100)
X, y = train_loader[0]
print(f"训练集 {len(train_loader)} 批，验证集 {len(dev_loader)} 批，测试集 {len(test_loader)} 批")
print(f"X {list(X.shape)} = [B, L]，y {list(y.shape)} = [B]，都是 int64")
print(f"第一个样本 {X[0].tolist()} → {y[0].item()}")

# %% [markdown]
# 测试集考查的是什么？每个数对在训练集中都出现过，新的只是干扰数字及其位置；有些序列甚至一模一样。所以泛化（generalisation）在这里的意思是：**不受干扰地**把前两个数字带到最后。

# %%
split = digit_sum.load(folder)
seen = {tuple(digits) for digits, _ in split["train"]}
repeated = sum(tuple(digits) in seen for digits, _ in split["test"])
print(f"测试集 {len(split['test'])} 个样本中，有 {repeated} 个与某个训练样本完全相同")

# %% [markdown]
# ### 动手改一改
# 换一个长度，或换一个种子，看看生成的序列。

# %%
import random

length, seed = 6, 1  # ← 改这里
for digits, label in digit_sum.generate(length, k=1, rng=random.Random(seed))[40:44]:
    print(*digits, "→", label)

# %% [markdown]
# ## 模型构建
#
# *The model, layer by layer*
#
# 数字 $[B, L]$ → 嵌入层 $[B, L, M]$ → SRN 层 $[B, L, D]$ → 取最后一步 $[B, D]$ → 线性层 $[B, 19]$。本实验取 $M = D = 32$。
#
# ### 通过查表和 one-hot 两种方式将数字映射为向量
#
# 嵌入矩阵 $E \in \mathbb{R}^{10 \times M}$ 的每一行是一个数字的向量。**查表**：数字 $s$ 取第 $s$ 行。**one-hot**：把数字写成独热向量 $S$（只有第 $s$ 位为 1），再乘以矩阵，$S E$ 也正好是第 $s$ 行。

# %%
# 摘自 nndl.op.embedding: lookup, one_hot_product

E = paddle.to_tensor(np.round(np.random.default_rng(0).uniform(-1, 1, size=[10, 4]), 2), dtype="float32")
digits = paddle.to_tensor([[6, 7, 0]])  # [B, L] = [1, 3]
print("E 的第 6、7、0 行\n", E.numpy()[[6, 7, 0]])
print("查表        lookup\n", lookup(E, digits)[0].numpy())
print("独热向量 S\n", F.one_hot(digits, 10)[0].numpy().astype(int))
print("one-hot: S E\n", one_hot_product(E, digits)[0].numpy())

# %% [markdown]
# 数值相同，代价不同：one-hot 每个数字要做 $10 \times M$ 次乘法，其中只有 $M$ 次不与 0 相乘。词表有一万个词时，几乎全是白算。
#
# **不用嵌入层会怎样？** 不妨直接把数字当作一个实数输入（$M = 1$）。看第一步的 $H_1 = \tanh(x W + b)$，以及它对 $W$ 的导数中的因子 $1 - H_1^2$：

# %%
nndl.runtime.seed_everything(0)
W1 = nndl.SRN(1, 32).W  # [1, 32]，与训练开始时的分布相同
E = nndl.Embedding(10, 32).W
W = nndl.SRN(32, 32).W
rows = []
for digit in (0, 1, 5, 9):
    as_number, as_vector = paddle.tanh(digit * W1), paddle.tanh(E[digit] @ W)
    rows.append([str(digit), *(f"{(1 - H**2).mean().item():.3f}" for H in (as_number, as_vector))])
tools.show(Table("1 − H² 的平均值（越小越饱和）", ["数字", "直接输入实数", "先嵌入"], rows))

# %% [markdown]
# 直接输入时，数字越大，tanh 越饱和，梯度越小；而 0 根本不产生输入。嵌入之后，十个数字受到同等对待，$M$ 维向量还可以在训练中改变。这是训练**之前**的情形，数字因此就学不会了吗？[练习](exercises.ipynb)的思考题二实测，答案也许出乎意料。对词来说问题更大：编号的大小毫无意义，第 900 号词并不是第 9 号词的一百倍。

# %% [markdown]
# ### SRN 层
#
# 设 $X_t \in \mathbb{R}^{B \times M}$，$W \in \mathbb{R}^{M \times D}$，$U \in \mathbb{R}^{D \times D}$，$b \in \mathbb{R}^{1 \times D}$：
#
# $$H_t = \tanh(\underbrace{X_t W + b}_{\texttt{project}} + H_{t-1} U), \qquad H_0 = 0$$
#
# 代码把一步分成两部分：`project` 与状态无关，可以对所有时刻一次算完；`step` 必须逐步进行。下面是 `nndl/op/cell.py` 中的单元，其中 `project` 继承自 `Cell`，即 `X @ self.W + self.b`。

# %%
from nndl.op.cell import ACTIVATIONS, Cell

# 摘自 nndl.op.cell: SRNCell

nndl.SRN.cell_class = SRNCell  # 从此 nndl.SRN 用的就是这个单元格中的公式

# %% [markdown]
# 沿时间展开就是一个循环。$H_0$ 是全 0 的 $[B, D]$：还什么都没有读。

# %%
nndl.runtime.seed_everything(0)
srn = nndl.SRN(32, 32)
cell = srn.cells[0]
X_vectors = nndl.Embedding(10, 32)(X)  # [B, L, M]

H = cell.get_initial_states(X_vectors)  # H_0
print(f"H_0 {list(H.shape)}，全为 0：{bool((H == 0).all())}")
for t in range(X_vectors.shape[1]):
    H, _ = cell.step(cell.project(X_vectors[:, t]), H)

outputs, last = srn(X_vectors)
print(f"各步输出 {list(outputs.shape)} = [B, L, D]，最后的状态 {list(last.shape)} = [层数, B, D]")
print(f"与上面的循环最大相差 {(H - last[0]).abs().max().item():.0e}")

# %% [markdown]
# ### 动手改一改
# 回到 `SRNCell` 的单元格，把 `step` 中的公式改成 `ACTIVATIONS[self.activation](projected)`（去掉 $H_{t-1}U$，变成前馈网络）并运行它，再运行下面这一格：最后的状态还知道前两个数字吗？试过之后改回来。

# %%
digits = paddle.to_tensor([[6, 7, 0, 0, 0], [1, 2, 0, 0, 0]])  # ← 或者改这里
nndl.runtime.seed_everything(0)
outputs, _ = nndl.SRN(32, 32)(nndl.Embedding(10, 32)(digits))
print("两个序列的隐状态之差，逐步：", [round((outputs[0, t] - outputs[1, t]).norm().item(), 3) for t in range(5)])

# %% [markdown]
# ### 手动推导 SRN 前向计算
#
# 取 $M = D = 2$，$L = 2$，权重由手工设定：
#
# $$W = \begin{pmatrix} .1 & .2 \\ .1 & .2 \end{pmatrix},\quad U = \begin{pmatrix} 0 & .1 \\ .1 & 0 \end{pmatrix},\quad b = (.1,\ .1),\quad
# X_1 = (1, 0),\quad X_2 = (0, 2)$$
#
# 一步一步写出来：

# %%
W, U, b = np.array([[0.1, 0.2], [0.1, 0.2]]), np.array([[0.0, 0.1], [0.1, 0.0]]), np.array([0.1, 0.1])
H = np.zeros(2)
for t, x in enumerate(np.array([[1.0, 0.0], [0.0, 2.0]]), start=1):
    inner = x @ W + H @ U + b
    print(f"t = {t}:  X W = {x @ W}   H U = {(H @ U).round(4)}   三项之和 = {inner.round(4)}")
    H = np.tanh(inner)
    print(f"        H_{t} = tanh(三项之和) = {H.round(4)}")

# %% [markdown]
# 课程代码用纸上的算式和 `nndl.SRN` 各算一遍：

# %%
# 摘自 chapter6.sec_6_2_srn_memory: hand_set_example

example = hand_set_example()
print("笔算    ", np.round(example["paper"], 6).tolist())
print("nndl.SRN", np.round(example["srn"], 6).tolist())

# %% [markdown]
# 再交给 `paddle.nn.SimpleRNN`。它有两处不同：权重是转置的，`weight_ih_l0` 为 $[D, M]$；有**两个**偏置，计算时相加，$H_t = \tanh(W_{ih} X_t + b_{ih} + W_{hh} H_{t-1} + b_{hh})$。所以我们的 $b$ 怎样分给两者都可以：

# %%
theirs = nn.SimpleRNN(2, 2)
print({name: list(parameter.shape) for name, parameter in theirs.named_parameters()})
theirs.weight_ih_l0.set_value(W.T.astype("float32"))
theirs.weight_hh_l0.set_value(U.T.astype("float32"))
theirs.bias_ih_l0.set_value((0.3 * b).astype("float32"))
theirs.bias_hh_l0.set_value((0.7 * b).astype("float32"))
outputs, _ = theirs(paddle.to_tensor([[[1.0, 0.0], [0.0, 2.0]]]))
print("飞桨    ", np.round(outputs[0].tolist(), 6).tolist())

# %% [markdown]
# ### 自定义 SRN 和 Paddle SRN 速度对比
#
# 随机权重、两层、双向、长短不一的序列，相同的权重：输出、状态与全部梯度都相同吗（parity）？同样的一次前向加反向，各要多久（speed）？

# %%
# 摘自 chapter6.sec_6_2_srn_memory: compare_with_paddle

run = tools.prepare("6.2", lengths=(5, 10, 20), seeds=2, epochs=200)
comparison = compare_with_paddle(run.settings)
tools.show(measure.parity_claim("SRN", comparison["parity"]), measure.speed_table(comparison["speed"]))

# %% [markdown]
# “逐步计算”是书中的写法：Python 循环每一步调用一次单元。它的耗时随 $L$ 增长，时间主要花在调用上，而不是乘法上。“本项目”是同一公式的 C++ 算子（能编译时自动采用）。时间随机器而变，倍数也是；“逐步 / 飞桨”一列说明同一公式的写法可以相差几倍。

# %% [markdown]
# ### 线性层
#
# 最后的隐状态经过线性层（linear layer）得到 19 个类别的对数几率（logits），对应和 0 至 18：
#
# $$Y = H_L V + c, \qquad V \in \mathbb{R}^{D \times 19},\ c \in \mathbb{R}^{19}$$

# %%
linear = nn.Linear(32, digit_sum.NUM_CLASSES)
logits = linear(last[0])
p = F.softmax(logits[0])
print(
    f"H_L {list(last[0].shape)} → 对数几率 {list(logits.shape)}；softmax 之后相加为 {p.sum().item():.3f}，最大的一个 {p.max().item():.3f}"
)

# %% [markdown]
# ### 模型汇总
#
# 三层合在一起。书中这个类叫 `Model_RNN4SeqClass`，这里也是；它接受任何循环层，6.5 节就换成 LSTM。

# %%
from nndl.error import SettingError
from nndl.model.last_state import last_state, num_directions
from nndl.op import Embedding
from nndl.op.setting import whole

# 摘自 nndl.model.classifier: Model_RNN4SeqClass

nndl.Model_RNN4SeqClass = Model_RNN4SeqClass  # learn 用的就是这个单元格中的模型

# %% [markdown]
# 每一层的形状与参数个数。公式：嵌入层 $10M$，SRN 层 $MD + D^2 + D$，线性层 $19D + 19$；与 $L$ 无关，因为各步共享权重。

# %%
M, D = 32, 32
model = Model_RNN4SeqClass(nndl.SRN(M, D), 10, M, D, 19)
vectors = model.embedding(X)
outputs, last = model.rnn_model(vectors)
layers = {
    "嵌入层 embedding": (model.embedding, X.shape, vectors.shape, 10 * M),
    "SRN 层": (model.rnn_model, vectors.shape, outputs.shape, M * D + D * D + D),
    "线性层 linear": (model.linear, last[0].shape, model(X).shape, 19 * D + 19),
}
rows = []
for name, (layer, before, after, formula) in layers.items():
    counted = sum(int(parameter.size) for parameter in layer.parameters())
    rows.append([name, str(list(before)), str(list(after)), str(formula), str(counted)])
total = sum(int(parameter.size) for parameter in model.parameters())
rows.append(["合计", "", "", str(sum(int(row[3]) for row in rows)), str(total)])
tools.show(Table("模型汇总", ["层", "输入", "输出", "参数：按公式", "参数：数出来"], rows))

# %% [markdown]
# ### 动手改一改
# 把 $D$ 加倍，SRN 层的参数变为几倍？先猜，再改上一格的 `M, D`。

# %% [markdown]
# ## 多组训练
#
# *One training for each length and seed*
#
# 现在调用开头的 `learn`：三个长度，每个长度两个随机种子，共六个模型。设置如 `quick` 预设，每批 100 个，学习率 0.005，但只有 200 回合（书中 500 回合，每批 8 个，学习率 0.001；六个长度 10 至 35）。

# %%
# 摘自 chapter6.sec_6_2_srn_memory: trainings

results = tools.train_here(trainings(run))
rows = [
    [
        str(r["length"]),
        str(r["seed"]),
        f"{r['train_losses'][-1][1]:.3f}",
        f"{r['dev_losses'][-1][1]:.2f}",
        f"{r['dev_accuracy']:.2f}",
    ]
    for r in results
]
tools.show(Table("训练结束时", ["L", "种子", "训练损失", "验证集损失", "验证集准确率（最好的模型）"], rows))

# %% [markdown]
# ## SRN 在不同长度数据集训练损失的变化
#
# *Losses for each length (figure 6.6)*
#
# 书中图 6.6 画出每个长度的训练损失与验证集损失。随机猜测的损失是 $\ln 19 \approx 2.94$。

# %%
record = tools.record(run, {"example": example, **comparison, "trainings": results})
tools.show(findings.draw_losses(record, "SRN"))

# %% [markdown]
# 三个长度上训练损失都接近 0：300 个样本几乎全被背下来了。差别在验证集上：$L = 5$ 与 $10$ 时损失停在较低处，$L = 20$ 时停得高得多，甚至回升。训练损失与验证集损失之差，就是背下来却不能泛化的部分。

# %% [markdown]
# ## 利用测试集对指定长度的模型评价
#
# *Evaluation on the test set*
#
# 训练中保留的是验证集上最好的模型，测试集只在最后用一次。

# %%
tools.show(findings.accuracy_table(results, ["SRN"], run.settings.lengths))

# %% [markdown]
# 取回模型，看它错的时候错多少。


# %%
def trained(result: dict[str, Any]) -> nn.Layer:
    """训练好的模型。"""
    M, D = result["input_size"], result["hidden_size"]
    model = nndl.Model_RNN4SeqClass(nndl.SRN(M, D), 10, M, D, 19)
    nndl.RunnerV3(model, None, None, None).load_model(Path(result["folder"]) / "best.pdparams")
    model.eval()
    return model


rows = []
for length in run.settings.lengths:
    result = results.where(length=length)[0]
    _, _, ((X, y),) = make_loaders(digit_sum.provide(DATA, length), 100)
    error = (trained(result)(X).argmax(axis=1) - y).abs().numpy()
    rows.append([str(length), *(str(int((error == k).sum())) for k in (0, 1, 2)), str(int((error > 2).sum()))])
tools.show(Table("100 个测试样本，预测与正确答案相差多少（种子 0）", ["L", "0（正确）", "1", "2", "3 以上"], rows))

# %% [markdown]
# 较短的序列上多半只错 1：网络知道大概是多少。$L = 20$ 时则有不少错得很远，那是没有记住。
#
# ### 动手改一改
# 输入你自己的数字。加数不变，只移动干扰数字，答案会变吗？给模型比训练时更长的序列呢？

# %%
digits = [6, 7, 0, 0, 1, 0, 0, 0, 0, 0]  # ← 改这里
p = F.softmax(trained(results.where(length=10)[0])(paddle.to_tensor([digits])))[0].numpy()
best = p.argsort()[::-1][:3]
print(f"{digits[0]} + {digits[1]} = {digits[0] + digits[1]}；预测：", "，".join(f"{k}（{p[k]:.2f}）" for k in best))

# %% [markdown]
# ## 记忆的长度
#
# *How far back? (figure 6.7)*
#
# 书中图 6.7：准确率随长度的变化。19 类随机猜测为 $1/19 \approx 0.05$。

# %%
tools.show(tools.pick(findings.figures(record), "6.7"))

# %% [markdown]
# 它学会的是“记住前两个数字”，还是“在第 $L$ 步时报出答案”？让每个模型读**其他长度**的序列：

# %%
lengths = (4, 5, 6, 10, 11, 20, 25)  # ← 可以改
rows = []
with paddle.no_grad():
    for result in results.where(seed=0):
        model, row = trained(result), []
        for length in lengths:
            examples = digit_sum.generate(length, k=1, rng=random.Random(0))
            X, y = (paddle.to_tensor(column) for column in zip(*examples, strict=True))
            row.append(f"{(model(X).argmax(axis=1) == y).astype('float32').mean().item():.2f}")
        rows.append([str(result["length"]), *row])
tools.show(
    Table(
        "准确率：行是训练时的长度，列是所读序列的长度",
        ["训练 L", *map(str, lengths)],
        sorted(rows, key=lambda row: int(row[0])),
    )
)

# %% [markdown]
# 只要长度差一步，准确率就跌到猜测附近。再看隐状态本身：两个序列只有第一个数字不同，其后完全相同，那么 $\lVert H_t - H'_t \rVert$ 就是第一个数字在第 $t$ 步留下的痕迹。


# %%
def trace(model: nn.Layer, length: int = 30) -> np.ndarray:
    """隐状态之差，逐步；对第一个数字的全部 45 种搭配取平均。"""
    X = paddle.to_tensor([[first, 5] + [0] * (length - 2) for first in range(10)])
    H, _ = model.rnn_model(model.embedding(X))  # [10, L, D]
    pairs = [(H[i] - H[j]).norm(axis=-1) for i in range(10) for j in range(i)]
    return paddle.stack(pairs).mean(axis=0).numpy()


nndl.runtime.seed_everything(0)
models = {
    plot.both("untrained", "未训练"): Model_RNN4SeqClass(nndl.SRN(32, 32), 10, 32, 32, 19),
    plot.both("trained at L = 5", "在 L = 5 上训练"): trained(results.where(length=5)[0]),
    plot.both("trained at L = 20", "在 L = 20 上训练"): trained(results.where(length=20)[0]),
}
figure, (axes,) = plot.panels(1, size=(5.6, 3.0))
with paddle.no_grad():
    for (name, model), look in zip(models.items(), plot.LOOKS, strict=False):
        axes.plot(range(1, 31), trace(model), label=name, **look)
axes.set(xlabel=plot.both("step", "步数") + " t", ylabel=plot.both("difference of H", "隐状态之差"))
plot.plain_log(axes)
plot.legend(figure)

# %% [markdown]
# 未训练的网络每一步都把痕迹缩小，读过的内容很快淡去。训练之后痕迹不再消失，但它随着每一步不断变形，线性层只学会了辨认第 $L$ 步的样子：痕迹还在，答案却读不出来。$H$ 每一步都要乘以 $U$ 再经过 tanh，想原样保持一个量很难，这正是**长程依赖问题**（long-term dependencies）。6.4 节看它的梯度，6.5 节换一种网络。
#
# 把全部论断交给课程代码判定。“未定”指两个种子（测时间则为各次测量）既不能肯定也不能否定，须用更多种子：

# %%
tools.show(findings.claims(record))

# %% [markdown]
# ### 动手改一改
# 换一个循环层，其余不变：`learn` 接受任何层。先试残差连接 $H_t = H_{t-1} + \tanh(\cdot)$（**动手练习 6.1**），再试 `nndl.op.LayerNormSRNCell`、`nndl.op.IRNNCell`，或者在 `SRNCell` 的单元格中写你自己的公式。

# %%
from nndl.op import IRNNCell, LayerNormSRNCell, ResidualSRNCell

CELL, length = ResidualSRNCell, 10  # ← 改这里


def train_other(training: Training, folder: Path) -> dict[str, Any]:
    return learn(nndl.Recurrent(CELL, training.input_size, training.hidden_size), training, folder)


other = tools.prepare("6.2", lengths=(length,), epochs=100)
(found,) = tools.train_here(trainings(other, CELL.__name__, train_other))
srn = results.where(length=length, seed=0)[0]
print(
    f"L = {length}，测试准确率：{CELL.__name__}（100 回合）{found['test_accuracy']:.2f}，SRN（200 回合）{srn['test_accuracy']:.2f}；一个种子"
)

# %% [markdown]
# ### 思考
#
# **1.** 测试集中的数对都在训练集中出现过，为什么准确率不是 1？
#
# <details><summary>参考答案</summary>
#
# 网络看到的不是数对，而是整个序列。干扰数字及其位置一变，$H_L$ 就跟着变；300 个样本不足以让网络学会对它无动于衷。见“数据”一节末尾的计数，以及图 6.6 中训练与验证之差。
#
# </details>
#
# **2.** SRN 的参数个数与 $L$ 无关，为什么 $L$ 大了还更难学？
#
# <details><summary>参考答案</summary>
#
# 难的不是参数多，而是路长：第一个数字到 $H_L$ 要经过 $L-1$ 次“乘 $U$、取 tanh”。信息和梯度都要走完这条路，见“记忆的长度”中的曲线和 6.4 节的公式。
#
# </details>
#
# **3.** 嵌入层换成 one-hot（`nndl.Embedding(10, M, method="one_hot")`），训练结果会变吗？
#
# <details><summary>参考答案</summary>
#
# 不会：两种写法数值相同，梯度也相同（$E$ 中没有出现的行梯度为 0）。变的只是计算量。
#
# </details>
#
# **4.** 两数之和不正是两个实数的线性函数吗？那么数字直接作为实数输入就行，为什么还要嵌入？
#
# <details><summary>参考答案</summary>
#
# 对“求和”这个特殊任务，数字的大小确实有意义。上面的表说明大数字一开始会使 tanh 饱和，但训练可以克服：$L = 10$、三个种子，实数输入的测试准确率 0.920 ± 0.040，嵌入 0.840 ± 0.026（[练习](exercises.ipynb)的思考题二）。嵌入为的是一般的符号（词、字）：编号的大小没有意义，同一题中实数输入的影评分类只有 0.494，与乱猜无异，而嵌入让每个符号有自己的位置。
#
# </details>

# %% [markdown]
# ## 小结
#
# - SRN 一步：$H_t = \tanh(X_t W + H_{t-1} U + b)$；笔算、`nndl.SRN`、`paddle.nn.SimpleRNN` 一致。
# - 嵌入层、SRN 层、线性层共 3,027 个参数，与序列长度无关。
# - 训练损失可以接近 0，准确率却随长度下降：SRN 的记忆不长。
#
# 一两个种子不能作出统计结论。完整的一课（`python -m chapter6 run 6.2 --preset book`，三个种子，书中的设置）测得测试准确率：
#
# | L | 10 | 15 | 20 | 25 | 30 | 35 |
# |---|---|---|---|---|---|---|
# | SRN | 0.79 ± 0.06 | 0.67 ± 0.06 | 0.64 ± 0.17 | 0.52 ± 0.10 | 0.34 ± 0.08 | 0.25 ± 0.17 |
#
# （均值 ± 标准差，出自[长时间的实测](../guide/MEASURED_LONG_cn.md)。）验证集损失随长度增大、准确率随长度下降，两者都成立；“训练损失在各长度上都趋于 0”在较长的序列上不成立（L = 35 时为 0.42 ± 0.06）。
#
# **下一步：** [6.3](sec_6_3_srn_walkthrough.ipynb) 是本节的代码演示；[6.4](sec_6_4_gradient_explosion.ipynb) 看梯度怎样爆炸；[6.5](sec_6_5_lstm_memory.ipynb) 用 LSTM 延长记忆。
