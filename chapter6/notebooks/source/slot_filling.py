# %% [markdown]
# # 槽位填充：每个词一个标记
# *Slot filling: a tag for each word*
#
# 练习与拓展 · 应用模式“同步的序列到序列”（视频 6.1）· 对应学习笔记（李宏毅课程）“应用实例（为什么需要 RNN？）” · 代码：`chapter6/extras/slot_filling.py`
#
# > arrive **Taipei** on November 2nd　／　leave **Taipei** on November 2nd
#
# 同一个词，前一句是目的地，后一句是出发地。只看一个词的网络无从判断，记得前文的网络可以。
#
# 1. 应用实例：句子与标记；
# 2. 如何将每个单词表示为向量；
# 3. 通过前馈网络解决？——一个数也不差的失败；
# 4. 记忆、窗口、双向；
# 5. 块的 F1，以及“准确率”怎样骗人；
# 6. 训练五个模型，标注自己的句子。
#
# 从头到尾约半分钟。语料由代码生成，标记精确，不必下载；训练、验证、测试三者的句式互不相同，测试集还有三分之一的城市与航空公司从未在训练中出现。

# %%
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from chapter6.extras import slot_figures as figures
from chapter6.extras import slot_findings as findings
from chapter6.extras import slot_inspection as inspection
from chapter6.extras.cells_compared import class_of, count, make_layer
from chapter6.lab import result
from chapter6.lab.lesson import Run
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from chapter6.lab.training import Training, fit
from nndl.dataset import flights, slots
from nndl.dataset.tagged import Example, collate, encode, make_loader, tag_names, vocabulary_of
from nndl.dataset.tags import PAD, Sentence, normal
from nndl.dataset.tags import slots as slots_of
from nndl.dataset.text import Vocabulary
from nndl.file import replacing
from nndl.metric.chunks import f1
from nndl.model.tagger import context_window

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor, nn

# %% [markdown]
# ## 一、应用实例
# *The task*
#
# 标记采用 IOB2：槽位的第一个词标 `B-种类`，其后的词标 `I-种类`，不属于任何槽位的词标 `O`。`new york` 是两个词、一个槽位。

# %%
# 摘自 chapter6.extras.slot_filling: load_corpus, follow_into_batch

chosen = ("feed-forward", "feed-forward-5", "Elman", "BiElman", "LSTM")  # ← 改这里：MODELS 中的名字
language = "flights"  # ← 改这里："flights_zh" 即为中文，按字标注
run = tools.prepare("slots", corpus=language, models=chosen, batch_size=32, epochs=6)
corpus = load_corpus(run.settings.corpus, Path())
print({split: len(sentences) for split, sentences in corpus.items()})
between = " " if inspection.units_of(run.settings.corpus) == flights.WORDS else ""
for words, tags in corpus["train"][:4]:
    print(findings.marked(words, tags, between))

# %% [markdown]
# ## 二、如何将每个单词表示为向量
# *From words to vectors*
#
# - **1-of-N 编码**：词表多大，向量就多长，只有一个 1；它与嵌入矩阵相乘就是查表（见 `by_hand`）。
# - **“Other” 维**：词表之外的词共用一个编号 `[UNK]`。新城市总会出现，所以这一维必须训练得到：训练时随机把一些词换成 `[UNK]`（词丢弃，word dropout）。
# - **单词散列**（word hashing）：用三字母片段的集合表示，没见过的词也有部分与见过的相同。本实验不用它，只是看一眼。
#
# 词表之前还有一步归一：大写变小写，数字变 0，`5:30` 与 `7:45` 于是是同一个词。

# %%
vocabulary, names = vocabulary_of(corpus["train"], run.settings.min_freq), tag_names(corpus)
print("词表", len(vocabulary), "个词，标记", len(names), "种：", " ".join(names))


def trigrams(word: str) -> set[str]:
    """Three letters at a time, # at both ends."""
    return {f"#{word}#"[i : i + 3] for i in range(len(word))}


for word in ("Taipei", "5:30", "Atlantis"):  # ← 改这里
    seen = normal(word)
    (number,) = vocabulary.encode([seen])
    is_known = "" if seen in vocabulary.index else "[UNK] "
    print(f"{word:9} → {seen:9} 编号 {number:3} {is_known}三字母片段 {sorted(trigrams(seen))}")

tools.show(findings.table_of_batch(follow_into_batch(corpus["train"][:2], vocabulary, names)))

# %% [markdown]
# 两句长短不一，补齐到同样长度；`[PAD]` 的编号是 0，标记的 `[PAD]` 也是 0，损失与评价都不计它。
#
# ## 三、通过前馈网络解决？
# *A feed-forward network*
#
# $$\text{前馈：} H_t = \tanh(X_t W + b), \qquad \text{循环：} H_t = f(X_t, H_{t-1}), \qquad \text{对数几率}_t = H_t V + c$$
#
# 两者只差一个 $H_{t-1}$。模型共用同一个骨架：嵌入 → 窗口 → 一层 → 线性层。

# %%
# 摘自 chapter6.extras.slot_filling: FeedForward, Model, FEED_FORWARD, MODELS, model_of, layer_of, make_model

# %% [markdown]
# 不必训练就能看出前馈网络的问题。把两句话送进刚建好的网络，比较“台北”这个词得到的对数几率：只要输入相同、没有记忆，输出必然**一个数也不差**，怎么训练都不能把两者分开。

# %%
texts = inspection.EXAMPLES[inspection.units_of(run.settings.corpus)]
pair = [inspection.read(text, run.settings.corpus, vocabulary) for text in texts]
place = [words.index("Taipei" if between else "台") for words in pair]
print(pair, " 要比较的是第", place[0], "个词")
ids = paddle.to_tensor(np.stack([vocabulary.encode([normal(word) for word in words]) for words in pair]))  # [B, L]
lengths = paddle.to_tensor([ids.shape[1]] * 2)


def gap(name: str) -> float:
    """How much two sentences differ in the logits of the word in question, in a model that is not trained."""
    nndl.runtime.seed_everything(0)
    settings = SimpleNamespace(**{**asdict(run.settings), **MODELS[name]._asdict()})
    model = make_model(settings, layer_of(MODELS[name].cell), len(vocabulary), len(names))
    model.eval()
    logits = model((ids, lengths))  # [B, L, 标记数]
    return (logits[0, place[0]] - logits[1, place[1]]).abs().max().item()


for name in ("feed-forward", "feed-forward-5", "Elman", "LSTM", "BiLSTM"):
    print(f"{name:15} 对数几率的最大差别 {gap(name):.4f}")

# %% [markdown]
# ## 四、记忆、窗口、双向
# *Memory, a window, both directions*
#
# 给前馈网络一个**窗口**也行：把前后各两个词的向量拼在一起，$X_t = [e_{t-2}; \dots; e_{t+2}]$，形状 $[B, L, M] \to [B, L, 5M]$。可是线索若在窗口之外呢？

# %%
X = paddle.to_tensor([[[1.0], [2.0], [3.0], [4.0]]])  # B = 1, L = 4, M = 1
print("窗口 3：", context_window(X, 3).tolist())

# %% [markdown]
# 线索可能很远（`leave the very busy airport of Taipei`），也可能在**后面**（`let Taipei be the place to leave from`）。后一种情形，单向的循环网络与前馈网络一样无能为力：

# %%
AFTER = {
    flights.WORDS: ("let Taipei be the place to leave from", "let Taipei be the place to arrive at"),
    flights.CHARACTERS: ("在台北登机离开", "在台北下机入境"),
}
pair = [
    inspection.read(text, run.settings.corpus, vocabulary) for text in AFTER[inspection.units_of(run.settings.corpus)]
]
place = [words.index("Taipei" if between else "台") for words in pair]
ids = paddle.to_tensor(np.stack([vocabulary.encode([normal(word) for word in words]) for words in pair]))
lengths = paddle.to_tensor([ids.shape[1]] * 2)
for name in ("feed-forward", "feed-forward-5", "Elman", "LSTM", "BiLSTM"):
    print(f"{name:15} 对数几率的最大差别 {gap(name):.4f}")

# %% [markdown]
# 五词的窗口也够不着第七个词。双向网络从右往左再读一遍，两个方向各有自己的参数，每一步把两个隐状态拼在一起。
#
# ### 思考
# 双向网络能不能边听边标注？能不能用作语言模型（预测下一个词）？
#
# <details><summary>参考答案</summary>
#
# 都不能。它要等整句读完才有反方向的状态；用作语言模型时，反方向已经看到了要预测的那个词，困惑度会好得离谱，却毫无意义。标注、分类这类整句已知的任务才适合双向。
#
# </details>

# %% [markdown]
# ## 五、块的 F1
# *The F1 of chunks, and accuracies that flatter*
#
# 一个槽位（块，chunk）只有种类、起点、终点都对才算对：
#
# $$P = \frac{\text{对的块}}{\text{预测的块}}, \qquad R = \frac{\text{对的块}}{\text{真实的块}}, \qquad F_1 = \frac{2PR}{P + R} = \frac{2 \times \text{对的块}}{\text{预测的块} + \text{真实的块}}$$
#
# 手算一例。预测把 `new york` 断成了 `york`，把目的地认成了出发地：

# %%
words = "leave new york and arrive in taipei".split()
true = ["O", "B-from_city", "I-from_city", "O", "O", "O", "B-to_city"]
predicted = ["O", "O", "B-from_city", "O", "O", "O", "B-from_city"]  # ← 改这里

wanted, got = set(slots_of(true)), set(slots_of(predicted))
print("真实的块", findings.marked(words, true))
print("预测的块", findings.marked(words, predicted))
right = len(wanted & got)
print(f"对的块 {right}，预测 {len(got)}，真实 {len(wanted)}：F1 = {2 * right / (len(got) + len(wanted)):.2f}")
print(f"标记准确率 = {np.mean([a == b for a, b in zip(true, predicted, strict=True)]):.2f}")

# %% [markdown]
# 七个标记对了四个，准确率 0.57，可是一个槽位也没有找到。
#
# 一个槽位都不找的模型（全答 `O`），准确率有多高？若把补齐的位置也算作“答对”，又有多高？

# %%
tags_of = [tags for _, tags in corpus["test"]]
outside = sum(tags.count("O") for tags in tags_of)
total, longest = sum(map(len, tags_of)), max(map(len, tags_of))
padding = sum(longest - len(tags) for tags in tags_of)
print(f"全答 O，只计词：       准确率 {outside / total:.3f}")
print(f"全答 O，补齐也算答对： 准确率 {(outside + padding) / (total + padding):.3f}（补齐到 {longest} 个词）")
print("它的 F1：              0")

# %% [markdown]
# 补齐得越长，“准确率”越高，与模型毫无关系。公开的教程里有“准确率 94.2%”而验证集上实体的 F1 只有 0.42 的例子（hack-rnns 的《GRU 实战》），只看前者看不出问题。所以这里以块的 F1 选模型；损失用 `ignore_index` 略去 `[PAD]`，`ChunkF1` 也不计它。
#
# ## 六、训练
# *Training*
#
# 数据、模型、学习准则、优化算法、评价指标五要素都在 `train` 里；`evaluate` 另外数一数出发地与目的地各有多少被认错。五个模型，各 6 回合，一个种子，约二十秒。

# %%
# 摘自 chapter6.extras.slot_filling: ROLES, role_of, evaluate

# %%
# 摘自 chapter6.extras.slot_filling: train, training_of, load_runner

wanted = [training_of(run, name, MODELS[name], seed=0) for name in run.settings.models]
results = tools.train_here(wanted)
runners = {found["model"]: load_runner(found, len(vocabulary)) for found in results}
looked = inspection.look(runners, run.settings.corpus, corpus["test"], vocabulary, names)
record = tools.record(run, {"trainings": results, **looked})
tools.show(findings.table_of_scores(record), figures.draw_f1(record))

# %% [markdown]
# 最后一行是全答 `O`。方括号是换一批测试句时差值的 95% 区间；区间含 0 的模型与最好者在这个测试集上排不出名次；不同的种子则是另一种不确定，一个种子看不出来。
#
# 错在哪里？

# %%
tools.show(findings.table_of_details(record), findings.table_of_examples(record))

# %% [markdown]
# 看“判对”一列：只看一个词的前馈网络对城市的角色只能猜（未知的城市它甚至不认作城市，所以比瞎猜还低），有了前文就大不相同。笔记里的两句话，有前文的模型都分清了台北；日期是出发的还是到达的，就未必了。
#
# 再看测试集中的一句：有的模型全对，有的出错。斜线表示种类、起点或终点有误。

# %%
tools.show(figures.draw_sentence(record.metrics["sentences"][0]))

# %% [markdown]
# ### 动手改一改：标注自己的句子
# 换几个说法，换没见过的城市，看看各模型在哪里露馅。

# %%
own = (
    "leave Taipei on monday and arrive in Atlantis at 9 am",
    "let Boston be the place to leave from",
    "I want to arrive in Paris and leave from the very busy airport of Rome",
)  # ← 改这里
rows = []
for text in own:
    words = inspection.read(text, run.settings.corpus, vocabulary)
    for name in ("feed-forward", "Elman", "BiElman"):
        rows.append([name, findings.marked(words, inspection.ask(runners[name], words, vocabulary, names), between)])
tools.show(Table(Text("Own sentences", "自己的句子"), [Text("model", "模型"), Text("slots", "槽位")], rows))

# %% [markdown]
# ### 动手改一改：换一种模型
# 窗口不够就加大？下面是九个词的窗口，前馈。别的也可以：`Model("LSTM", window=3, direction="bidirectional")`、`Model("Jordan")`、`Model("SRN", num_layers=2)`……

# %%
MODELS["mine"] = Model(FEED_FORWARD, window=9)  # ← 改这里
(mine,) = tools.train_here([training_of(run, "mine", MODELS["mine"], seed=0)])
print(f"mine：测试集 F1 {100 * mine['test_f1']:.1f}，参数 {mine['parameters']:,}")
for found in results:
    print(f"{found['model']}：{100 * found['test_f1']:.1f}，参数 {found['parameters']:,}")

# %% [markdown]
# 九个词的窗口胜过单向的 Elman，却不如双向的：双向网络的参数不随距离增加，看到的是整句。
#
# ### 思考
# 1. 词丢弃（`word_dropout`）为 0 时，含未知词的句子会怎样？为什么？
# 2. ATIS 的测试集有 893 句，已发表的结果在 94 与 96 之间。相差 0.3 的两个模型，哪个更好？
#
# <details><summary>参考答案</summary>
#
# 1. `[UNK]` 的向量几乎得不到训练（只有罕见词会变成它），测试时遇到新城市，网络看到的是一个随意的向量。在 `prepare` 里写 `word_dropout=0.0` 试一试，看“含未知词”一列。
# 2. 不知道。893 句能分辨的差别约为 0.6；再加上种子之间的波动，0.3 没有意义。
#
# </details>

# %% [markdown]
# ## 小结
#
# - 没有记忆，同一个词只能有一个答案；窗口有用，但有限；线索在后面时要双向。
# - 准确率数的是 `O` 和补齐；槽位要用块的 F1。
# - ATIS 上（`python -m chapter6 run slots --preset full`，三个种子，测试集 F1）：前馈 59.67，前馈加五词窗口 91.76，Elman 92.70 ± 0.24，Jordan 90.80，LSTM 92.07，GRU 93.39，Elman 加窗口 94.64，双向 LSTM 94.91，最好的双向 GRU 加窗口 95.05 ± 0.15；最后三者排不出名次。“Jordan 有更好的表现”、“LSTM 优于 Elman”在这里都不成立。含未知词的句子 76.6，其余 96.5。
# - 中文：`python -m chapter6 run slots --corpus flights_zh`；标注一句话：`python -m chapter6 predict --task slots "leave Taipei on November 2nd"`。
#
# **下一步：** [language_model](language_model.ipynb)，预测下一个字符。输出与输入不等长时怎么办？见 [translation_attention](translation_attention.ipynb) 与 [ctc_recognition](ctc_recognition.ipynb)。
