"""目录 The table of contents: every lesson, in the order of the course. Loads no lesson, so it is there at once."""

from chapter6 import presets
from chapter6.extras.presets.addition import ADDITION
from chapter6.extras.presets.audit import AUDIT
from chapter6.extras.presets.autoencoder import AUTOENCODER
from chapter6.extras.presets.by_hand import BY_HAND
from chapter6.extras.presets.cells import CELLS
from chapter6.extras.presets.ctc import CTC, CtcAsked
from chapter6.extras.presets.gradients import GRADIENTS
from chapter6.extras.presets.language import LANGUAGE, Continuing
from chapter6.extras.presets.slots import SLOTS
from chapter6.extras.presets.translation import TRANSLATION, Translate
from chapter6.lab.lesson import Corpus, Entry, Predicts
from chapter6.lab.settings import Settings
from chapter6.lab.text import Text

ENTRIES = (
    Entry(
        number="6.1",
        printed="",
        title=Text("Recurrent networks and the modes of their use", "循环神经网络及应用模式"),
        shows=Text(
            'feed-forward against recurrent on "leave Taipei", shared weights, one layer in three modes, five shapes',
            "前馈与循环网络在 leave Taipei 上的对比、权重共享、同一循环层的三种应用模式、五种形状",
        ),
        module="chapter6.sec_6_1_application_modes",
        presets=presets.MODES,
        seeds={"full": 5},
    ),
    Entry(
        number="6.2",
        printed="6.1",
        title=Text("The memory of a simple recurrent network", "SRN 的记忆能力实验"),
        shows=Text(
            "our SRN against Paddle's; losses and accuracy as the sequence grows (figures 6.6, 6.7)",
            "自定义 SRN 与飞桨 SRN 的对比；序列变长时的损失与准确率（图 6.6、6.7）",
        ),
        module="chapter6.sec_6_2_srn_memory",
        presets=presets.MEMORY,
        seeds={"quick": 8},
    ),
    Entry(
        number="6.3",
        printed="6.1",
        title=Text("The SRN experiment, step by step", "SRN 的记忆能力实验代码演示"),
        shows=Text(
            "one batch through the model of 6.2 and back: every shape and number, by hand and by the operators",
            "一批数字走过 6.2 的模型再返回：每一步的形状与数值，手算与算子对照",
        ),
        module="chapter6.sec_6_3_srn_walkthrough",
        presets=presets.SRN_STEPS,
        seeds={},
    ),
    Entry(
        number="6.4",
        printed="6.2",
        title=Text("Gradient explosion in a simple recurrent network", "SRN 的梯度爆炸实验"),
        shows=Text(
            "gradient norms and accuracy without and with clipping, by value, norm and global norm (figures 6.8, 6.9)",
            "不截断与按值、按模、按全局模截断时的梯度范数与准确率（图 6.8、6.9）",
        ),
        module="chapter6.sec_6_4_gradient_explosion",
        presets=presets.EXPLOSION,
        seeds={},
    ),
    Entry(
        number="6.5",
        printed="6.3",
        title=Text("The memory of a long short-term memory network", "LSTM 的记忆能力实验"),
        shows=Text(
            "LSTM against SRN as the sequence grows, and its gates at work on any digits (figures 6.11 to 6.13)",
            "序列变长时 LSTM 与 SRN 的对比；任意数字序列上的门控状态（图 6.11 至 6.13）",
        ),
        module="chapter6.sec_6_5_lstm_memory",
        presets=presets.LSTM_MEMORY,
        seeds={"quick": 8},
    ),
    Entry(
        number="6.6",
        printed="6.3",
        title=Text("The LSTM experiment, step by step", "LSTM 的记忆能力实验代码演示"),
        shows=Text(
            "three gates and three states with all their numbers, C as a direct edge, an LSTM of two units set by hand",
            "三个门、三个状态的全部数值，C 作为直连边，手工设定两个单元即可求和的 LSTM",
        ),
        module="chapter6.sec_6_6_lstm_walkthrough",
        presets=presets.LSTM_STEPS,
        seeds={"quick": 2},
    ),
    Entry(
        number="6.7",
        printed="6.4",
        title=Text("Text classification with a bidirectional LSTM", "双向 LSTM 完成文本分类"),
        shows=Text(
            "a bidirectional LSTM on reviews, or your own texts: overfitting, depth, padding, the words (figure 6.16)",
            "双向 LSTM 对影评（或自备语料）分类：过拟合、层数、补齐的影响、各词的贡献（图 6.16）",
        ),
        module="chapter6.sec_6_7_text_classification",
        presets=presets.TEXT,
        seeds={"quick": 3, "book": 2, "best": 2},
        predicts=Predicts(
            task="reviews",
            module="chapter6.sec_6_7_predict",
            takes=Text(
                "a review, labelled positive or negative, or by the labels of your own corpus",
                "影评，判断其情感，或给出自备语料的标签",
            ),
            settings=Settings(),
        ),
    ),
    Entry(
        number="6.8",
        printed="6.5",
        title=Text("One's own LSTM against Paddle's", "自定义 LSTM 与飞桨 LSTM 对比"),
        shows=Text(
            "five ways to compute an LSTM, from the book's to one in C++: agreement, time, memory, training on reviews",
            "计算 LSTM 的五种方式，从书中写法到 C++ 算子：结果一致性、耗时、内存、影评训练",
        ),
        module="chapter6.sec_6_8_lstm_comparison",
        presets=presets.COMPARISON,
        seeds={"quick": 3, "book": 2},
    ),
    Entry(
        number="cells",
        printed="",
        title=Text("Cells compared: every cell that the course names", "循环单元对比：课程提到的各种单元"),
        shows=Text(
            "thirteen cells with as many parameters on three tasks of memory: DigitSum, adding, copying",
            "参数数目相同的十三种单元，在数字求和、加法问题、复制任务上比较记忆",
        ),
        module="chapter6.extras.cells_compared",
        presets=CELLS,
        seeds={},
    ),
    Entry(
        number="by_hand",
        printed="",
        title=Text("Recurrent networks by hand", "手算循环网络"),
        shows=Text(
            "an RNN that only adds, an LSTM set by hand (--x), BPTT on paper; which initial state is best",
            "只做加法的 RNN、手工设定的 LSTM（--x）、笔算 BPTT；哪种初始状态最好",
        ),
        module="chapter6.extras.by_hand",
        presets=BY_HAND,
        seeds={"quick": 5, "full": 5},
    ),
    Entry(
        number="gradients",
        printed="",
        title=Text("Why recurrent networks are hard to train", "循环神经网络为何难以训练"),
        shows=Text(
            "w^1000, the wall in the error surface, how far a gradient reaches in each cell, and what helps",
            "w^1000、误差面上的墙、各种单元中梯度能传多远，以及哪些办法有效",
        ),
        module="chapter6.extras.gradient_lab",
        presets=GRADIENTS,
        seeds={"quick": 4, "full": 10},
    ),
    Entry(
        number="slots",
        printed="",
        title=Text("Slot filling: a tag for each word", "槽位填充：每个词一个标记"),
        shows=Text(
            "twelve models on generated questions about flights, ATIS or SNIPS, and which of them cannot be ranked",
            "十二种模型在生成的航班问句、ATIS 或 SNIPS 上的比较，以及哪些排不出名次",
        ),
        module="chapter6.extras.slot_filling",
        presets=SLOTS,
        seeds={},
        predicts=Predicts(
            task="slots",
            module="chapter6.extras.slot_predict",
            takes=Text("a sentence, its slots marked", "一句话，标出其中的槽位"),
            settings=Settings(),
        ),
    ),
    Entry(
        number="language",
        printed="",
        title=Text("A language model of characters", "字符级语言模型与文本生成"),
        shows=Text(
            "perplexity on text never read, against counting up to five characters; then it writes, 藏头诗 too",
            "从未读过的文本上的困惑度，对照一至五元语法；再让模型写作，包括藏头诗",
        ),
        module="chapter6.extras.language_model",
        presets=LANGUAGE,
        seeds={},
        predicts=Predicts(
            task="language",
            module="chapter6.extras.language_predict",
            takes=Text("the beginning of a text, which is continued", "一段开头，由模型续写"),
            settings=Continuing(),
        ),
    ),
    Entry(
        number="translation",
        printed="",
        title=Text("Translation: encoder, decoder, attention", "翻译：编码器、解码器与注意力"),
        shows=Text(
            "dates in Chinese and English to ISO, English to Chinese: without attention and with two kinds of it",
            "中英文日期转为 ISO、英译中：没有注意力与两种注意力，注意力看哪里，贪心与束搜索",
        ),
        module="chapter6.extras.translation_attention",
        presets=TRANSLATION,
        seeds={"quick": 2, "full": 2},
        predicts=Predicts(
            task="translation",
            module="chapter6.extras.translation_predict",
            takes=Text("a date in Chinese or English, or an English sentence", "中英文日期，或英文句子，给出译文"),
            settings=Translate(),
        ),
    ),
    Entry(
        number="addition",
        printed="",
        title=Text("Addition as characters, and scheduled sampling", "字符加法与计划采样"),
        shows=Text(
            "45+7 read and 52 written by characters; teacher forcing, free running and three schedules between them",
            "逐字符读 45+7、写 52；教师强制、自由运行与三种计划采样的比较",
        ),
        module="chapter6.extras.addition_by_characters",
        presets=ADDITION,
        seeds={},
    ),
    Entry(
        number="autoencoder",
        printed="",
        title=Text("A sequence autoencoder of text", "文本的序列自编码器"),
        shows=Text(
            "white blood cells destroying an infection, and the other way round: the same words, two codes",
            "white blood cells destroying an infection 与颠倒的句子：词相同，编码不同",
        ),
        module="chapter6.extras.text_autoencoder",
        presets=AUTOENCODER,
        seeds={"full": 5},
    ),
    Entry(
        number="ctc",
        printed="",
        title=Text("Recognition with CTC: a shorter output", "CTC 识别：输出比输入短"),
        shows=Text(
            "all alignments of a small example, digits read without alignment, spikes, greedy and beam decoding",
            "小例子的所有对齐，不用对齐信息识别数字串，尖峰，贪心与束搜索解码",
        ),
        module="chapter6.extras.ctc_recognition",
        presets=CTC,
        seeds={"full": 6},
        predicts=Predicts(
            task="ctc",
            module="chapter6.extras.ctc_predict",
            takes=Text(
                "digits, of which a strip is drawn and read, or a WAV file of spoken digits",
                "数字（画成手写数字条再识别），或口语数字的 WAV 文件",
            ),
            settings=CtcAsked(),
        ),
    ),
    Entry(
        number="audit",
        printed="",
        title=Text("Numbers that are often quoted, and what is behind them", "常被引用的数字，背后是什么"),
        shows=Text(
            "nine numbers and beliefs of courses made again in small: perplexity 1.0, BLEU 1.0, 99 % of what?",
            "九个常见的数字与说法，小规模重现：困惑度 1.0、BLEU 1.0、什么的 99 %？",
        ),
        module="chapter6.extras.quoted_numbers",
        presets=AUDIT,
        seeds={},
    ),
)
SECTIONS: dict[str, Entry] = {entry.number: entry for entry in ENTRIES}

TASKS: dict[str, Entry] = {entry.predicts.task: entry for entry in ENTRIES if entry.predicts}
"""What ``python -m chapter6 predict --task`` can be asked for, and the lesson whose models answer."""

CORPORA: dict[str, Corpus] = {
    "imdb": Corpus(
        module="nndl.dataset.imdb",
        function="prepare",
        title=Text("IMDB, film reviews, section 6.7", "IMDB 影评，6.7 节"),
        source="an archive or an extracted aclImdb folder",
        texts=Text("reviews", "影评"),
    ),
    "atis": Corpus(
        module="nndl.dataset.slots",
        function="prepare_atis",
        title=Text("ATIS, questions about flights, slots", "ATIS 航班问句，slots"),
        source="a folder with train, valid and test, of each seq.in and seq.out",
        texts=Text("sentences", "句子"),
    ),
    "snips": Corpus(
        module="nndl.dataset.slots",
        function="prepare_snips",
        title=Text("SNIPS, requests of seven kinds, slots", "SNIPS 七类请求，slots"),
        source="a folder with train, valid and test, of each seq.in and seq.out",
        texts=Text("sentences", "句子"),
    ),
    "timemachine": Corpus(
        module="nndl.dataset.books",
        function="prepare_time_machine",
        title=Text("The Time Machine, a novel, lesson language", "小说 The Time Machine，language 实验"),
        source="a text, or the folder of timemachine.txt",
        texts=Text("characters", "字符"),
    ),
    "tangshi": Corpus(
        module="nndl.dataset.books",
        function="prepare_tang_poems",
        title=Text("300 Tang poems, lesson language", "唐诗三百首，language 实验"),
        source="tangshi300.json, its folder, or a text with a poem a line",
        texts=Text("characters", "字符"),
    ),
    "fsdd": Corpus(
        module="nndl.dataset.spoken_digits",
        function="prepare",
        title=Text("FSDD, spoken digits, lesson ctc", "FSDD 口语数字，ctc"),
        source="an archive, or a folder of the WAV files",
        texts=Text("recordings", "录音"),
    ),
    "tatoeba": Corpus(
        module="nndl.dataset.tatoeba",
        function="prepare",
        title=Text("Tatoeba, English sentences and their Chinese translations", "Tatoeba 英汉句对"),
        source="a file of pairs, a line each: English, a tab, Chinese",
        texts=Text("sentence pairs", "句对"),
    ),
}
"""What ``python -m chapter6 data NAME`` fetches and prepares, each in the folder of its name."""
