# %% [markdown]
# # 动手练习与思考题
#
# *The exercises and questions of the chapter*
#
# 书中第 6 章的七个动手练习与三个思考题 · 答案 `chapter6/notebooks/answers/` · 检查 `chapter6/notebooks/checks.py`
#
# 每题都有：题目，提示，一个**动手处**（能运行的骨架，改标有 `←` 的行），以及**检查**：它把同样的数交给你的代码和一个可靠的
# 对照（飞桨的层，或 NumPy 循环），并说出差在哪里。骨架还没有做完，所以现在检查的回答都是“还差一点”。
#
# 参考答案在折叠的单元格里：在 Jupyter 中点单元格左侧的三个点展开；若你的环境不支持折叠，代码会直接显示。先自己做，再看。
#
# 全部运行约半分钟，不需要 GPU 和网络。

# %%
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

import nndl
from chapter6 import presets
from chapter6 import sec_6_2_srn_memory as srn
from chapter6.extras import cells_compared as cells
from chapter6.lab.measure import take_turns
from chapter6.lab.record import Results
from chapter6.notebooks import checks
from chapter6.notebooks.answers.exercise_6_2 import Operator, milliseconds
from chapter6.notebooks.answers.exercise_6_3 import States, Weights
from chapter6.notebooks.answers import exercise_6_2
from chapter6.lab.training import Training
from chapter6.sec_6_2_srn_memory import learn, trainings
from chapter6.sec_6_7_text_classification import training_of
from nndl import op
from nndl.dataset import DATA, digit_sum, small_reviews
from nndl.dataset.batching import make_loader
from nndl.op import LSTMCell
from nndl.op.backend import choose

import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn
from paddle.autograd import PyLayer

# %% [markdown]
# ## 练习 6.1 残差连接
#
# *A residual connection between hidden states*
#
# **题目** 在 SRN 相邻的隐状态之间加入残差连接，
#
# $$H_t = H_{t-1} + \tanh(X_t W + H_{t-1} U + b)$$
#
# 对记忆能力有没有帮助？
#
# **提示** 一个单元只需写一步：`step(projected, state)`，其中 `projected` 是 $X_t W + b$（形状 $B\times D$），`state` 是
# $H_{t-1}$；返回这一步的输出与新的状态。沿时间展开由 `nndl.Recurrent` 负责。


# %%
class MyResidualCell(op.Cell):
    def step(self, projected, state):
        H = F.tanh(projected)  # ← 还没有用到 H_{t-1}：写出上面的公式
        return H, H


_ = checks.exercise_6_1(MyResidualCell)

# %% tags=["answer"] jupyter={"source_hidden": true}
# 参考答案
# 摘自 chapter6.notebooks.answers.exercise_6_1: ResidualCell

_ = checks.exercise_6_1(ResidualCell)

# %% [markdown]
# **有没有帮助？** 下面在 DigitSum（$L=10$）上把它与 SRN 各训练一次。回合数很少，种子只有一个，只能看个大概；改大
# `seeds` 与 `epochs` 再下结论。

# %%
# 摘自 chapter6.notebooks.answers.exercise_6_1: accuracies

for cell in (op.SRNCell, ResidualCell):  # ← 换成 MyResidualCell
    print(f"{cell.__name__:16}", accuracies(cell, length=10, seeds=1, epochs=60))

# %% [markdown]
# **实测** 预设 `quick`，$L=10$，三个种子：测试准确率 0.973 ± 0.021，不加残差 0.810 ± 0.030。在这个任务上有帮助。
# 参数数目相同时（`run cells`）：DigitSum 的误差 0.14 对 0.42，加法问题上毫无帮助。$L=12$、十个种子（`run gradients`）：
# 0.96 ± 0.02 对 0.74 ± 0.05。

# %% [markdown]
# ## 练习 6.2 更高效的 LSTM 算子
#
# *A more efficient LSTM operator*
#
# **题目** 书中的 LSTM 每步做八次矩阵乘（四个门，各乘输入与状态），很慢。写一个结果相同而更快的算子。
#
# **提示** 四个门的输入相同，权重可以并列：$W = [W_i\ W_f\ W_c\ W_o]$（形状 $M\times 4D$），$U$、$b$ 同理。再想一想：
# $X_t W$ 与前一步的状态有关吗？
#
# 下面就是书中的写法。直接改它。

# %%
# 摘自 chapter6.notebooks.answers.exercise_6_2: stepwise_lstm


# ← 上面的函数改好之后，下面应说“确实更高效”
_ = checks.faster_lstm(stepwise_lstm, than=exercise_6_2.stepwise_lstm)

# %% tags=["answer"] jupyter={"source_hidden": true}
# 参考答案
# 摘自 chapter6.notebooks.answers.exercise_6_2: fused_lstm

_ = checks.faster_lstm(fused_lstm, than=exercise_6_2.stepwise_lstm)

# %% [markdown]
# **实测** 前向加反向，单线程的 CPU 秒数，七次的中位数与范围：$B=8, L=20, D=32$ 时是逐步计算的 2.0 倍（1.7 至 2.8），
# $B=32, L=64, D=128$ 时 1.5 倍（0.95 至 2.1，当时机器繁忙）。上面印出的是实际时间，机器忙时可能起伏很大。

# %% [markdown]
# ## 练习 6.3 双向 LSTM
#
# *A bidirectional LSTM*
#
# **题目** 用自定义的 LSTM 实现双向 LSTM：$H_t = [\overrightarrow{H}_t; \overleftarrow{H}_t]$，输出形状 $B\times L\times 2D$。
#
# **提示** 第二个 LSTM 有自己的权重，从最后一个时刻读起。它在时刻 $t$ 的状态读过 $X_t,\dots,X_L$，应与正向在**同一时刻**的
# 状态并列：阅读的次序反了，输出要放回原处。（这里把练习 6.2 的 `fused_lstm` 当作现成的算子；答案则把循环写了出来。）

# %%
from chapter6.notebooks.answers.exercise_6_2 import fused_lstm


def my_bidirectional_lstm(X, forward, reverse):
    ahead, last = fused_lstm(X, *forward)  # forward 与 reverse 各是 (W, U, b)
    outputs = ahead  # ← 还只有一个方向
    return outputs, last


_ = checks.exercise_6_3(my_bidirectional_lstm)

# %% tags=["answer"] jupyter={"source_hidden": true}
# 参考答案
# 摘自 chapter6.notebooks.answers.exercise_6_3: read, bidirectional_lstm

_ = checks.exercise_6_3(bidirectional_lstm)

# %% [markdown]
# **实测** 与权重相同的 `paddle.nn.LSTM(direction="bidirectional")` 相差不到 1e-6（float32）。

# %% [markdown]
# ## 练习 6.4 GRU
#
# *The gated recurrent unit*
#
# **题目** 实现门控循环单元（gated recurrent unit, GRU），并与 LSTM 比较：
#
# $$R_t = \sigma(X_t W_r + H_{t-1} U_r + b_r), \qquad Z_t = \sigma(X_t W_z + H_{t-1} U_z + b_z)$$
#
# $$\tilde H_t = \tanh(X_t W_h + (R_t \odot H_{t-1}) U_h + b_h), \qquad H_t = Z_t \odot H_{t-1} + (1 - Z_t) \odot \tilde H_t$$
#
# **提示** `gates = 3` 让单元有三组并列的参数：`projected` 的形状是 $B\times 3D$，`self.U` 是 $D\times 3D$，次序为 r、z、h。


# %%
class MyGRUCell(op.Cell):
    gates = 3

    def step(self, projected, state):
        x = paddle.split(projected, 3, axis=-1)  # x[0]、x[1]、x[2] 即 r、z、h；self.U 同样拆开
        H = F.tanh(x[2])  # ← 写出重置门、更新门、候选状态与 H_t
        return H, H


_ = checks.exercise_6_4(MyGRUCell)

# %% tags=["answer"] jupyter={"source_hidden": true}
# 参考答案
# 摘自 chapter6.notebooks.answers.exercise_6_4: GRUCell

_ = checks.exercise_6_4(GRUCell)

# %%
# 参数个数：GRU 是 LSTM 的四分之三
for cell in (GRUCell, op.LSTMCell):
    print(f"{cell.__name__:10}", sum(int(p.size) for p in cell(32, 32).parameters()), "个参数（M = D = 32）")

# %% [markdown]
# **实测** DigitSum，$L=10$，预设 `quick`，三个种子：GRU 0.853 ± 0.045，LSTM 0.840 ± 0.035，三个种子分不出高下，参数却少四分之一。
# 三个任务合计（`run cells`）也是“未定”：误差 0.24 ± 0.01 对 0.21 ± 0.02，以平凡答案的误差为单位。
#
# 自己量：`accuracies(MyGRUCell, seeds=3)`，`accuracies(op.LSTMCell, seeds=3)`（各约一分钟）。

# %% [markdown]
# ## 练习 6.5 长度不同的序列
#
# *Sequences of different lengths*
#
# **题目** 一个批次里的序列长短不一，短的以补齐（padding）凑到同长。让自定义的 LSTM 正确处理它：序列结束之后状态不再改变，
# 补齐处的输出为 0。
#
# **提示** 掩码（mask）$m_t$ 在序列之内为 1，之后为 0：$H_t = m_t H'_t + (1 - m_t) H_{t-1}$，$C_t$ 同理。用 `paddle.where`
# 比相乘更稳妥：补齐处若有 NaN，$0\cdot\mathrm{NaN}$ 仍是 NaN。


# %%
def my_lstm_of_lengths(X, lengths, W, U, b):
    return fused_lstm(X, W, U, b)  # ← 还没有用到 lengths


_ = checks.exercise_6_5(my_lstm_of_lengths)

# %% tags=["answer"] jupyter={"source_hidden": true}
# 参考答案
# 摘自 chapter6.notebooks.answers.exercise_6_5: lstm_of_lengths

_ = checks.exercise_6_5(lstm_of_lengths)

# %% [markdown]
# **实测** 与给出 `sequence_length` 的 `paddle.nn.LSTM` 相差不到 1e-6（float32）；补齐处写成 NaN，结果也不变（测试如此验证）。

# %% [markdown]
# ## 练习 6.6 多层 LSTM
#
# *Stacked LSTMs, by depth*
#
# **题目** 把双向 LSTM 一层层堆叠起来做情感分类，层数多少为好？
#
# **提示** 下层每个时刻的输出是上层的输入：第一层读 $M$ 个数，以后每层读 $2D$ 个。别忘了每层都要知道序列的长度。


# %%
class MyStack(nn.Layer):
    def __init__(self, input_size, hidden_size, num_layers):
        super().__init__()
        self.layers = nn.LayerList([nndl.LSTM(input_size, hidden_size, direction="bidirectional")])  # ← 只有一层

    def forward(self, X, sequence_length=None):
        return self.layers[0](X, sequence_length=sequence_length)  # ← 逐层向上


_ = checks.exercise_6_6(MyStack)

# %% tags=["answer"] jupyter={"source_hidden": true}
# 参考答案
# 摘自 chapter6.notebooks.answers.exercise_6_6: StackedLSTM

_ = checks.exercise_6_6(StackedLSTM)

# %% [markdown]
# **层数与准确率** 训练 6.7 节的文本模型，只改层数。为了快，这里影评少、回合少、种子只有一个；`nn.LSTM(num_layers=…)`
# 就是上面的堆叠（测试验证了二者的数完全相同）。

# %%
# 摘自 chapter6.notebooks.answers.exercise_6_6: by_depth

small = {"input_size": 32, "hidden_size": 32, "learning_rate": 0.006, "epochs": 4, "dev_reviews": 200, "eval_steps": 40}
for result in by_depth((1, 2), seeds=1, **small):  # ← 去掉 **small，即预设 quick；seeds 改为 3
    print(f"{result['num_layers']} 层：测试准确率 {result['test_accuracy']:.3f}")

# %% [markdown]
# **实测** $M=D=32$，7 回合，三个种子：1 层 0.829 ± 0.022，2 层 0.859 ± 0.043。各种子相差这么大，三个种子判断不了两层是否更好；
# 用时约为两倍。上面只训练了 4 个回合，更说明不了什么：深的模型学得慢。想知道 IMDB 上如何：
# `python -m chapter6 run 6.7 --preset book --num-layers 1,2`。

# %% [markdown]
# ## 练习 6.7 又一个 LSTM 算子：手推反向传播
#
# *Another operator: the backward pass by hand*
#
# **题目** 用自定义的 LSTM 训练文本模型，仍比飞桨慢。练习 6.2 已经合并了前向的矩阵乘；反向传播也自己推导，会更快吗？先猜，再量。
#
# **提示** 自动微分记下每一步的每个小算子，再逐个走回来，并且每步都累加一次 $U$ 的梯度。自己推导则只需求出四个门激活之前的
# 梯度 $\delta_t$（次序 i、f、c̃、o）：
#
# $$\mathrm dC_t \mathrel{+}= \mathrm dH_t \odot O_t \odot (1 - \tanh^2 C_t)$$
#
# $$\delta_t = [\mathrm dC_t \odot \tilde C_t \odot I_t (1 - I_t),\ \mathrm dC_t \odot C_{t-1} \odot F_t (1 - F_t),\
# \mathrm dC_t \odot I_t \odot (1 - \tilde C_t^2),\ \mathrm dH_t \odot \tanh C_t \odot O_t (1 - O_t)]$$
#
# $$\mathrm dH_{t-1} = \mathrm dY_{t-1} + \delta_t U^\top, \qquad \mathrm dC_{t-1} = \mathrm dC_t \odot F_t, \qquad
# \mathrm dU = \sum_t H_{t-1}^\top \delta_t$$
#
# 最后一个和式可以在循环之后用**一次**矩阵乘算出。前向与 `PyLayer` 已经写好，请写 `backward_steps`。

# %%
# 摘自 chapter6.notebooks.answers.exercise_6_7: forward_steps, Steps, lstm_by_hand


# %%
def backward_steps(kept, U, dY, dH, dC):
    # kept：每步的 (H_{t-1}, C_{t-1}, I_t, F_t, C̃_t, O_t, tanh C_t)；dY [L, B, D]；dH、dC [B, D]
    delta = paddle.zeros([dY.shape[0], dY.shape[1], 4 * dY.shape[2]])  # ← 逐步求 δ_t，从最后一步开始
    dU = paddle.zeros(U.shape)  # ← 一次矩阵乘
    return delta, dU


_ = checks.lstm(lstm_by_hand)

# %% tags=["answer"] jupyter={"source_hidden": true}
# 参考答案
# 摘自 chapter6.notebooks.answers.exercise_6_7: backward_steps

_ = checks.faster_lstm(lstm_by_hand, than=exercise_6_2.stepwise_lstm)

# %%
# 三种写法，前向加反向，以逐步计算为 1
for shape in ((8, 20, 32), (16, 40, 64)):
    times = milliseconds(
        {"逐步": exercise_6_2.stepwise_lstm, "合并": exercise_6_2.fused_lstm, "手推": lstm_by_hand}, *shape, repeats=3
    )
    print("B={}, L={}, D={}：".format(*shape), {name: f"{time / times['逐步']:.2f}" for name, time in times.items()})

# %% [markdown]
# **实测** 条件同练习 6.2：两种规模下是逐步计算的 2.1 倍（1.7 至 2.7）与 1.5 倍（0.87 至 2.2），与“合并”**没有差别**。值得推导吗？
# 推导使人看清梯度怎样流动；但剩下的时间花在每步调用许多小算子上，前向如此，反向亦如此。要再快，只有把所有时刻合为一个算子：
# `nndl.LSTM(backend="native")` 用 C++ 这样做，见 6.8 节。

# %% [markdown]
# ## 思考题一：用独热编码实现嵌入
#
# *Embedding by one-hot vectors*
#
# **题目** 嵌入（embedding）可以查表，也可以把编号变为独热向量（one-hot）再乘嵌入矩阵 $E$。写出后者，并想一想：它们的结果、
# 计算量与梯度有何不同？


# %%
def my_embedding(indices, E):
    return paddle.zeros([*indices.shape, E.shape[1]])  # ← indices 是 int64 [B, L]，E 是 [V, M]


_ = checks.question_1(my_embedding)

# %% tags=["answer"] jupyter={"source_hidden": true}
# 参考答案
# 摘自 chapter6.notebooks.answers.questions: embed_by_one_hot

_ = checks.question_1(embed_by_one_hot)

# %% [markdown]
# <details><summary>参考答案</summary>
#
# 结果相同：独热向量只有一个 1，乘积就是取出 $E$ 的那一行。梯度也相同：只有被读到的行得到梯度。计算量不同：查表与词表大小 $V$
# 无关，而乘法要 $V$ 倍的运算，还要存下 $B\times L\times V$ 的独热张量；词表有几万个词时无法接受。
#
# </details>

# %% [markdown]
# ## 思考题二：没有嵌入层会怎样
#
# *What goes wrong without an embedding?*
#
# **题目** 不用嵌入层，直接把编号（数字 7、词表中第 321 个词）作为一个实数输入循环网络，会有什么问题？
#
# **提示** 两种情形不妨分开想：DigitSum 的数字本来就有大小；词的编号呢？先猜，再看实测。

# %%
# 摘自 chapter6.notebooks.answers.questions: Number
# 摘自 chapter6.notebooks.answers.questions: train_on_digits, train_on_words, accuracy_by_input

for name, make, M in (("嵌入，32 个数", lambda V: nn.Embedding(V, 32), 32), ("一个实数", Number, 1)):
    print(f"{name:10} 测试准确率 {accuracy_by_input(train_on_digits, make, M, steps=450):.2f}")  # ← 换成 train_on_words


# %% [markdown]
# <details><summary>参考答案与实测</summary>
#
# | 输入（三个种子的测试准确率） | DigitSum，$L=10$，600 步 | 小型影评，240 步 |
# |---|---|---|
# | 一个实数 | 0.920 ± 0.040 | 0.494 ± 0.007 |
# | 独热，不学习 | 0.913 ± 0.015 | |
# | 嵌入，32 个数 | 0.840 ± 0.026 | 0.795 ± 0.028 |
#
# 数字没有嵌入层也学得会，只是慢些（300 步、种子 0 时是 0.70 对 0.84），最后甚至更好：要算的是和，数值本身就是最合适的表示，还少了要从 300 个样本学的参数。词则完全学不会
# （随机猜测是 0.5）：词的编号按词频排列，大小没有意义；第 80 号与第 81 号可能一褒一贬，而它们作为实数几乎相等，线性的
# $X_t W$ 无法把它们分开。嵌入让每个词有自己的向量，并在训练中把用法相近的词放到一起。
#
# </details>

# %% [markdown]
# ## 思考题三：补齐与反向
#
# *Padding and the backward direction*
#
# **题目** 补齐在序列末尾。正向的 LSTM 读完序列才碰到它；反向的 LSTM 却会先读它。如何让补齐不干扰反向？
#
# **提示** 在各序列**自己的长度之内**翻转，补齐留在末尾。`paddle.take_along_axis(X, order.unsqueeze(-1), axis=1)` 按
# `order`（int64 [B, L]）重排各时刻。


# %%
def my_read_backward(lstm, X, lengths):
    outputs, _ = lstm(X.flip(1))  # ← 补齐被翻到了最前面
    return outputs.flip(1)


_ = checks.question_3(my_read_backward)

# %% tags=["answer"] jupyter={"source_hidden": true}
# 参考答案
# 摘自 chapter6.notebooks.answers.questions: reverse_within, read_backward

_ = checks.question_3(read_backward)

# %% [markdown]
# <details><summary>参考答案</summary>
#
# 会干扰：直接翻转整个张量时，反向的 LSTM 先读补齐，带着补齐造成的状态再读词。三种办法：在各序列长度之内翻转（上面的答案）；把
# `sequence_length` 交给 `paddle.nn.LSTM` 或 `nndl.LSTM`；或用练习 6.5 的掩码，让状态在补齐处保持为 0。三者结果相同。
# `nn.Embedding(padding_idx=0)` 让 [PAD] 的向量为 0，**并不够**：$X_t = 0$ 时门的偏置仍会改变状态。
#
# 6.7 节在训练好的模型上量过：给出长度时，两个方向与对数几率的最大误差是 2e-07；不给长度则差 0.04（IMDB，预设 `book`）。
#
# </details>

# %% [markdown]
# ## 小结
#
# | 题 | 要点 | 项目中的同一件事 |
# |---|---|---|
# | 6.1 | 残差让状态与梯度有一条不经过 tanh 的路 | `nndl.op.ResidualSRNCell`，`run cells`、`run gradients` |
# | 6.2、6.7 | 合并矩阵乘；反向也合并 | `nndl/op/backend/`，`run 6.8` |
# | 6.3、6.5 | 时间是展开器的事：次序与掩码 | `nndl/op/unroller.py` |
# | 6.4 | 两个门、一个状态 | `nndl.GRU`、`nndl.op.ResetBeforeGRUCell` |
# | 6.6 | 更深不一定更好 | `run 6.7 --num-layers 1,2,3` |
#
# 想再走一步：写一个自己的单元，照 `chapter6/extras/cells_compared.py` 中的说明加入比较，重新运行 `python -m chapter6 run cells`，
# 只训练新加的那一个。
