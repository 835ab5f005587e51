"""Recognition with CTC, what was found: what is said of it, judged, and the tables (结论与表)."""

from math import isclose
from statistics import fmean

from chapter6.lab.claim import Claim, mean_and_spread, not_compared
from chapter6.lab.record import Record, Results
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same

# --- 结论 claims ---

AT_MOST = {"strips": 0.025, "fsdd": 0.05}
"""The label error rate up to which a corpus counts as read."""
NAMES = {"bidirectional": Text("bidirectional", "双向"), "forward": Text("forward only", "仅前向")}
CORPORA = {
    "strips": Text("strips of handwritten digits, of images never seen", "由未见过的图像组成的手写数字条"),
    "fsdd": Text("spoken digits, recordings never heard of speakers heard", "口语数字（说话人听过，录音未听过）"),
}


def claims(record: Record) -> list[Claim]:
    """What the course says, and what is said of CTC elsewhere."""
    return [
        _sum_of_alignments(record),
        _beam_by_hand(record),
        _is_read(record),
        _beam_helps(record),
        _blank_most(record),
        _forward_worse(record),
        _forward_later(record),
        _left_out_worse(record),
    ]


def _of(record: Record, direction: str) -> Results:
    return record.results().where(direction=direction)


def _sum_of_alignments(record: Record) -> Claim:
    found = record.metrics["alignments"]
    three = [found[name] for name in ("sum", "forward", "exp_of_loss")]
    count = len(found["alignments"])
    shown = ", ".join(f"{value:.6f}" for value in three)
    return Claim(
        "alignments",
        Text(
            "the probabilities of all alignments of a small example, enumerated, add up to what the forward algorithm "
            "finds, and to exp(-loss) of Paddle's",
            "小例子中穷举所有对齐，其概率之和等于前向算法的结果，也等于 exp(-飞桨的损失)",
        ),
        Text(f"{count} alignments: {shown}", f"{count} 种对齐：{shown}"),
        all(isclose(value, three[0], rel_tol=1e-5) for value in three),
    )


def _beam_by_hand(record: Record) -> Claim:
    found = record.metrics["decoding"]
    greedy, searched = found["best_path"], found["prefix_beam"]
    p = found["labellings"]
    return Claim(
        "best_path",
        Text(
            "the labelling of the likeliest path need not be the likeliest labelling; prefix beam search finds it",
            "概率最大的路径，其标签序列不一定概率最大；前缀束搜索能找到后者",
        ),
        Text(
            f"best path {_quoted(greedy)}, {p[greedy]:.2f}; prefix beam search {_quoted(searched)}, {p[searched]:.2f}",
            f"最佳路径 {_quoted(greedy)}，{p[greedy]:.2f}；前缀束搜索 {_quoted(searched)}，{p[searched]:.2f}",
        ),
        p[searched] == max(p.values()) > p[greedy] and isclose(found["probability"], p[searched], rel_tol=1e-6),
    )


def _quoted(labels: str) -> str:
    return f'"{labels}"'


def _is_read(record: Record) -> Claim:
    corpus, best = record.settings["corpus"], record.settings["directions"][0]
    errors, most = _of(record, best).each("test_error"), AT_MOST[record.settings["corpus"]]
    of, name = CORPORA[corpus], NAMES[best]
    return Claim(
        "is_read",
        Text(
            f"without any alignment the network learns to read {of.en}: label error at most {most:.1%} ({name.en})",
            f"没有任何对齐信息，网络也能学会识别{of.zh}：标签错误率不超过 {most:.1%}（{name.zh}）",
        ),
        same(mean_and_spread(errors, 4)),
        [[most - error for error in errors]],
    )


def _beam_helps(record: Record) -> Claim:
    greedy, searched = record.results().each("test_error"), record.results().each("beam_error")
    measured = f"{mean_and_spread(greedy, 4)}; {mean_and_spread(searched, 4)}"
    rows = [
        [a - b for a, b in zip(_of(record, d).each("test_error"), _of(record, d).each("beam_error"), strict=True)]
        for d in record.settings["directions"]
    ]
    return Claim(
        "beam_helps",
        Text(
            "a trained network makes fewer errors with prefix beam search than by the best path",
            "训练好的网络用前缀束搜索解码，错误少于最佳路径解码",
        ),
        Text(f"best path, prefix beam search: {measured}", f"最佳路径、前缀束搜索：{measured}"),
        rows,
    )


def _blank_most(record: Record) -> Claim:
    shares = record.results().each("blank_share")
    return Claim(
        "spikes",
        Text(
            "a trained network says φ at most of the steps; its labels are spikes",
            "训练好的网络在大多数时刻输出 φ，标签只是一个个尖峰",
        ),
        Text(f"share of φ {mean_and_spread(shares)}", f"φ 的比例 {mean_and_spread(shares)}"),
        [[share - 0.5 for share in _of(record, d).each("blank_share")] for d in record.settings["directions"]],
    )


def _compared(record: Record, id: str, claim: Text, value: str, digits: int) -> Claim:
    """Whether a value of the forward-only network is above that of the bidirectional one."""
    both, ahead = (_of(record, direction).each(value) for direction in ("bidirectional", "forward"))
    if not both or not ahead or None in both + ahead:
        needed = Text("both directions, each with strings that are read", "两种方向，且都有读对的样本")
        return not_compared(id, claim, needed)
    measured = "; ".join(f"{{}} {mean_and_spread(values, digits)}" for values in (ahead, both))
    forward, bidirectional = NAMES["forward"], NAMES["bidirectional"]
    return Claim(
        id,
        claim,
        Text(measured.format(forward.en, bidirectional.en), measured.format(forward.zh, bidirectional.zh)),
        [[a - b for a, b in zip(ahead, both, strict=True)]],
    )


def _forward_worse(record: Record) -> Claim:
    claim = Text(
        "a layer that also reads backwards makes fewer errors than one that only reads forwards",
        "双向的网络比仅前向的错误少",
    )
    return _compared(record, "forward_worse", claim, "test_error", 4)


def _forward_later(record: Record) -> Claim:
    claim = Text(
        "a layer that only reads forwards speaks later: its spikes stand further towards the end of their digits "
        "(0 where a digit begins, 1 where it ends)",
        "仅前向的网络输出更晚：尖峰更靠近数字的末尾（0 为数字开始处，1 为结束处）",
    )
    return _compared(record, "forward_later", claim, "spike_place", 2)


def _left_out_worse(record: Record) -> Claim:
    claim = Text(
        "a speaker who was never heard in training is understood worse than those who were",
        "训练中从未听到的说话人，识别效果比听过的说话人差",
    )
    if record.settings["corpus"] != "fsdd":
        return not_compared("left_out", claim, same("--corpus fsdd"))
    heard, new = record.results().each("test_error"), record.results().each("left_out_error")
    measured = f"{mean_and_spread(new, 3)}; {mean_and_spread(heard, 3)}"
    rows = [
        [r["left_out_error"] - r["test_error"] for r in _of(record, direction)]
        for direction in record.settings["directions"]
    ]
    return Claim("left_out", claim, Text(f"left out, heard: {measured}", f"未听过、听过：{measured}"), rows)


# --- 表 tables ---


def tables(record: Record) -> list[Table]:
    """All alignments of the small example, the labellings of the other one, and the networks."""
    tables = [_table_of_alignments(record), _table_of_decoding(record), table_of_networks(record)]
    return [*tables, _table_of_speakers(record)] if record.settings["corpus"] == "fsdd" else tables


def _table_of_alignments(record: Record) -> Table:
    found = record.metrics["alignments"]
    rows = [[path, f"{p:.4f}"] for path, p in found["alignments"]]
    total = Text("sum", "和"), f"{found['sum']:.4f}"
    ahead = Text("forward algorithm", "前向算法"), f"{found['forward']:.4f}"
    paddles = Text("exp(-loss), Paddle's", "exp(-损失)，飞桨"), f"{found['exp_of_loss']:.4f}"
    title = Text('All alignments of "ab" in three steps', "“ab”在三步中的所有对齐")
    return Table(title, [Text("alignment π", "对齐 π"), "Π p(π_t)"], [*rows, total, ahead, paddles])


def _table_of_decoding(record: Record) -> Table:
    found = record.metrics["decoding"]
    marks = {found["best_path"]: Text("best path", "最佳路径"), found["prefix_beam"]: Text("beam search", "束搜索")}
    rows = [[_quoted(y), f"{p:.2f}", marks.get(y, "")] for y, p in found["labellings"].items()]
    title = Text("Two steps, φ .6 and a .4 at each: all labellings", "两步，每步 φ .6、a .4：所有标签序列")
    return Table(title, [Text("labels", "标签"), Text("probability", "概率"), Text("found by", "由何找到")], rows)


def table_of_networks(record: Record) -> Table:
    rows = []
    for direction in record.settings["directions"]:
        results = _of(record, direction)
        places = [place for place in results.each("spike_place") if place is not None]
        errors = (mean_and_spread(results.each(value), 3) for value in ("dev_error", "test_error", "beam_error"))
        shares = mean_and_spread(results.each("blank_share")), mean_and_spread(places) if places else ""
        seconds = f"{fmean(results.each('seconds')):.0f}"
        rows.append([NAMES[direction], f"{results[0]['parameters']:,}", *errors, *shares, seconds])
    header = [
        record.settings["cell"],
        Text("parameters", "参数"),
        Text("dev", "验证集"),
        Text("test", "测试集"),
        Text("beam search", "束搜索"),
        Text("φ", "φ"),
        Text("place", "位置"),
        Text("s", "秒"),
    ]
    of = CORPORA[record.settings["corpus"]]
    note = Text(
        "Label error rate: edits by labels; dev and test by the best path. φ: its share of the steps. Place of the "
        "spikes: 0 where a digit begins, 1 where it ends. Mean ± standard deviation.",
        "标签错误率：编辑次数 / 标签数；验证集与测试集用最佳路径解码。φ：所占时刻的比例。尖峰的位置：0 为数字开始处，"
        "1 为结束处。均值 ± 标准差。",
    )
    return Table(Text(f"Label error rate: {of.en}", f"标签错误率：{of.zh}"), header, rows, note)


def _table_of_speakers(record: Record) -> Table:
    from nndl.dataset.spoken_digits import SPEAKERS

    best = record.settings["directions"][0]
    rows = [
        [SPEAKERS[r["left_out"]], f"{r['left_out_error']:.3f}", f"{r['test_error']:.3f}"] for r in _of(record, best)
    ]
    name = NAMES[best]
    title = Text(f"The speaker left out of training ({name.en})", f"训练中未听过的说话人（{name.zh}）")
    header = [Text("left out", "未听过的人"), Text("label error", "标签错误率"), Text("the other five", "其余五人")]
    return Table(title, header, rows)
