# %% [markdown]
# # 练习与拓展 audit：常被引用的数字，背后是什么
#
# 代码：`chapter6/extras/quoted_numbers.py` · 运行约半分钟 · 完整实验：`python -m chapter6 run audit`
#
# 教程与 README 中的数字大多是真的：确实有人测出过困惑度 1.0、BLEU 1.0、准确率 99%。但读者以为自己看到的，往往是另一个数字：在**没见过**的数据上、对**整个**答案、**不算补齐**、**不看答案**时的结果。本 notebook 把九个常见的数字与说法逐一小规模重现。
#
# 这里每项只跑一个种子，一个种子说明不了偶然性有多大；文末列出完整实验在三个种子上的结果。

# %%
# 引用的代码所需的导入   what the quoted code imports
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import paddle
from chapter6.extras import gradient_lab, language_model
from chapter6.lab.training import Training, fit
from nndl.dataset import flights, long_memory
from nndl.dataset.characters import Characters, Windows
from nndl.dataset.tagged import encode, make_loader, tag_names, vocabulary_of
from paddle import Tensor, nn

# %% [markdown]
# ## 1 加法问题的 0.1767
#
# 加法问题（adding problem）给出一串 $(0,1)$ 上的均匀随机数，其中两个做了标记，要求输出这两个数的和。什么都没学会的模型，最好的办法是始终回答均值 1，它的均方误差就是和的方差。常见的 README 把它写作 0.1767；而两个独立均匀分布之和的方差是
#
# $$\mathrm{Var}(u_1 + u_2) = 2 \cdot \tfrac{1}{12} = \tfrac16 = 0.1667$$

# %%
# 摘自 chapter6.extras.quoted_numbers: always_the_mean

errors = [always_the_mean(seed, 100_000) for seed in range(5)]
print("五个种子 five seeds:", *(f"{error:.4f}" for error in errors))
print(f"均值 mean {np.mean(errors):.4f}    1/6 = {1 / 6:.4f}    0.1767 相差 off by {0.1767 - np.mean(errors):.4f}")

# %% [markdown]
# 差别不大，但它决定“模型是否学到了东西”：误差 0.170 的模型，按 0.1767 看像是学到了一点，按 1/6 看则什么也没学到。
#
# ### 动手改一改
#
# 只用 1,000 个样本，五个种子的误差会相差多少？多少样本才能把 0.1667 与 0.1767 分开？

# %%
N = 1_000  # ← 改这里   change this
print(*(f"{always_the_mean(seed, N):.4f}" for seed in range(5)))

# %% [markdown]
# ## 2 `outputs[:, -1]` 不是双向层的句子表示
#
# 双向层在第 $t$ 步的输出是 $[\overrightarrow{H}_t ; \overleftarrow{H}_t]$。取最后一步 `outputs[:, -1]` 时，正向已读完整句；反向却是**从最后一个词开始读**的，此时只读了一个词。把除最后一词以外的词全部换掉，反向的那一半一点也不变：

# %%
# 摘自 chapter6.extras.quoted_numbers: last_output

print({name: round(value, 3) for name, value in last_output().items()})

# %% [markdown]
# `forward` 变了，`reverse` 的变化恰为 0，而反向的最后状态 `state`（在第一个词处）变了。应当使用两个方向各自的最后状态 `paddle.concat([H[-2], H[-1]], axis=-1)`，或者像 6.7 节那样对各步求（带掩码的）平均。
#
# ### 思考
#
# 序列长短不一、短的在末尾补齐时，`outputs[:, -1]` 的正向部分读到的是什么？
#
# <details><summary>参考答案</summary>
#
# 不给出长度时，正向在短序列上读完真实的词之后还会继续读补齐的 [PAD]；给出长度时，飞桨在补齐处输出 0，取到的就是全 0。两种情况都不是句子的表示。
# </details>

# %% [markdown]
# ## 3 “截断到 5”：按每个参数，还是合起来？
#
# `paddle.nn.ClipGradByNorm(c)` 分别限制每个参数 $g_k$ 的模；Pascanu 等人（2013）讨论的是全部参数合起来的模，即 `ClipGradByGlobalNorm(c)`：
#
# $$\hat g_k = g_k \min\left(1, \frac{c}{\|g_k\|}\right) \qquad\text{与}\qquad \hat g_k = g_k \min\left(1, \frac{c}{\sqrt{\sum_j \|g_j\|^2}}\right)$$

# %%
# 摘自 chapter6.extras.quoted_numbers: CLIP_AT, clipping

print({name: round(value, 3) for name, value in clipping().items()})

# %% [markdown]
# 三个梯度的模为 3、4、12，合起来 $\sqrt{3^2+4^2+12^2}=13$。按每个参数截断后只有 12 变成 5，合起来仍有 $\sqrt{3^2+4^2+5^2}=7.07$，而且方向变了（余弦 0.92）；按全局模截断得到 5，方向不变。6.4 节（书中 6.2 节）用的是前者。
#
# ### 动手改一改
#
# 阈值取多大时，两种截断的结果相同？

# %%
for CLIP_AT in (2.0, 5.0, 13.0):  # ← 改这里   change this
    print(CLIP_AT, {name: round(value, 3) for name, value in clipping().items()})

# %% [markdown]
# ## 4 把补齐也算在内的准确率
#
# 一个批次中，短句补齐到最长的一句。补齐处的标签是 0，很多代码既不屏蔽它，也不把它排除在准确率之外，于是补齐处总是“预测正确”。下面的“模型”把每个词都标为 O（不属于任何槽位）：

# %%
# 摘自 chapter6.extras.quoted_numbers: always_outside

print({name: round(value, 3) for name, value in always_outside().items()})

# %% [markdown]
# 含补齐的准确率最高，只计词的较低，而槽位的 F1 为 0：它一个槽位也没有找到。批越大、句长越不齐，含补齐的准确率就越“好看”。
#
# ## 5 看得到答案的语言模型
#
# 语言模型在第 $t$ 步要预测 $x_{t+1}$。若把循环层换成双向的，反向在第 $t$ 步已经读过 $x_{t+1}$：答案就在输入里。

# %%
# 摘自 chapter6.extras.quoted_numbers: Both

nndl.runtime.seed_everything(0)
ids = paddle.randint(0, 50, [1, 6])
other = ids.clone()
other[0, 3] = (ids[0, 3] + 1) % 50  # 只改第 3 步的字符, 即第 2 步的答案   the target of step 2 alone
for direction in ("forward", "bidirectional"):
    model = Both(50, 8, 16, direction)
    change = (model((ids, False)) - model((other, False))).abs().max(axis=-1)[0]
    print(f"{direction:14}各步输出的变化 change at each step:", *(f"{value:.3f}" for value in change.tolist()))

# %% [markdown]
# 单向模型在第 0 至 2 步的输出不变；双向模型在每一步都变，包括要预测这个字符的第 2 步。训练一下，看困惑度：

# %%
# 摘自 chapter6.extras.quoted_numbers: train_language

found = {}
for direction in ("forward", "bidirectional"):
    values = {"direction": direction, "steps": 300, "input_size": 32, "hidden_size": 64, "seed": 0}
    [found[direction]] = tools.train_here([Training(train_language, direction, values, Path("."), "")])
print(f"{'':16}{'照常评价 as usual':>20}{'只给过去 the past alone':>24}")
for direction, one in found.items():
    print(f"{direction:16}{one['test_perplexity']:>20.2f}{one['honest_perplexity']:>24.2f}")

# %% [markdown]
# 双向模型在从未读过的文本上困惑度接近 1，看似远胜单向；一旦只给它过去的字符（每段的最后一步，其后再无可读），它就不如单向模型了。写作时永远只有过去。
#
# ### 动手改一改
#
# 训练步数少一些或多一些，双向模型照常评价的困惑度会怎样？只给过去时呢？

# %%
steps = 100  # ← 改这里   change this
values = {"direction": "bidirectional", "steps": steps, "input_size": 32, "hidden_size": 64, "seed": 0}
[one] = tools.train_here([Training(train_language, "bidirectional", values, Path("."), "")])
print(f"{steps}: {one['test_perplexity']:.2f}, {one['honest_perplexity']:.2f}")

# %% [markdown]
# ## 6 困惑度 1.0、BLEU 1.0、准确率 99%
#
# 这三个数字需要较长的训练，放在完整实验中（`python -m chapter6 run audit`）；做法都写在 `quoted_numbers.py` 的 `trainings` 里：
#
# - **困惑度 1.0**：反复训练同一小段文本，直到背下来。困惑度测在这段文本上；同一个模型在没读过的文本上差得多。
# - **BLEU 1.0**：在几句训练过的句子上评价翻译。换成没见过的句子，BLEU 立刻降低。
# - **99%**：字符加法的准确率按字符计算，而且每一步都输入真实的前一个字符。一道题要所有字符都对才算对；若各字符的对错独立，长 $n$ 的答案全对的概率约为 $p^n$：

# %%
for p in (0.99, 0.97, 0.95):
    print(f"p = {p}:", *(f"{n} 个字符 {p**n:.3f}" for n in (3, 4, 6, 10)), sep="  ")

# %% [markdown]
# ## 7 “LSTM 不会梯度爆炸”
#
# 内部状态 $C_t = F_t \odot C_{t-1} + I_t \odot \tilde C_t$ 是直连边，门都不大于 1，所以沿着 $C$ 梯度不会增长。但梯度还经由 $H_{t-1} U$ 回传；$U$ 很大时，它照样增长：

# %%
# 摘自 chapter6.extras.quoted_numbers: exploding

norms = exploding(seed=0, distance=50)
figure, axes = plt.subplots(figsize=(5.2, 3))
axes.plot(norms)
axes.set(
    yscale="log", xlabel=nndl.plot.both("steps back", "回传的步数"), ylabel=nndl.plot.both("gradient norm", "梯度的模")
)
plt.show()
print(f"50 步之后 after 50 steps: {norms[-1]:.1e}")

# %% [markdown]
# ### 思考
#
# 这里 $U$ 是正交矩阵的 8 倍。训练中的 LSTM 会走到这里吗？该用什么办法防止？
#
# <details><summary>参考答案</summary>
#
# 初始化时通常不会；学习率过大、训练很久或不加正则化时，$U$ 的奇异值可以变大。办法与 SRN 相同：梯度截断。LSTM 缓解的是梯度消失。
# </details>
#
# ## 小结
#
# 完整实验在三个种子上的结果（AMD EPYC，2 个核，预设 `quick`）：加法问题 0.1670 ± 0.0006；字符 0.964 ± 0.015，整个答案 0.874 ± 0.050；困惑度在背下来的文本上 1.11 ± 0.01，在没读过的文本上 177 ± 17；BLEU 在训练过的日期上 100.0 ± 0.0，在其他日期上 71.5 ± 8.4（满分 100）；双向语言模型照常评价 1.27 ± 0.02，只给过去 17.7 ± 0.7，单向 12.8 ± 0.3。
#
# 读到一个数字时，问三个问题：测在什么数据上？按什么单位计（字符、词、整句）？评价时给了模型什么？
#
# 各说法的出处（项目与文件）见 `chapter6/guide/AUDIT_cn.md`。
