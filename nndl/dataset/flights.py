"""Generated questions about flights with their slots (槽位), in English and Chinese: exact tags, no network needed.

Nobody asked these questions: they are put together from clauses, by a seed. What makes them worth a network:

* any city is an origin as often as a destination, and only the words around it say which: "arrive taipei on november
  2nd", "leave taipei on november 2nd" (notes 001); the same goes for dates and times;
* those words may be far away ("leave the very busy airport of taipei"), or come after it ("taipei is where i leave
  from", 从台北出发), so neither a window of few words nor what was read so far is always enough;
* names have one word or several: "new york" is one slot.

Dev and test are held out in two ways: none of their templates, which clauses stand in which order, is one of train;
and a third of the cities and airlines occurs in test alone, another sixth in dev alone: there a network must go by the
other words. Chinese is tagged character by character (按字), so no segmenter is needed.
"""

import random
import re
from itertools import permutations
from typing import NamedTuple

from nndl.dataset.tags import OUTSIDE, Sentence
from nndl.dataset.text import SPLITS

SIZES = {"train": 1600, "dev": 300, "test": 600}
DATA_SEED = 0
UNSEEN = {"dev": 1 / 6, "test": 1 / 3}
"""The share of the names that a split has for itself."""
CHARACTERS = "characters"
WORDS = "words"


class Language(NamedTuple):
    """What questions are made of. A place in braces is a slot.

    Args:
        units: what is tagged, words or characters.
        openings: begin a question; may be empty.
        clauses: "origin", "destination", "journey", which is both, and "other".
        values: kind of slot to what can stand there; "city", "date" and "time" serve origin and destination.
    """

    units: str
    openings: tuple[str, ...]
    clauses: dict[str, tuple[str, ...]]
    values: dict[str, tuple[str, ...]]


_MONTHS = "january february march april may june july august september october november december".split()
_DAYS = "1st 2nd 3rd 4th 5th 8th 9th 10th 12th 15th 17th 20th 21st 22nd 25th 28th 30th".split()
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()

ENGLISH = Language(
    units=WORDS,
    openings=(
        "",
        "please",
        "i want to",
        "i would like to",
        "show me how to",
        "can you help me to",
        "is there any flight for people who",
    ),
    clauses={
        "origin": (
            "leave {from_city}",
            "leave from {from_city}",
            "take off from {from_city}",
            "fly from {from_city}",
            "leave the very busy airport of {from_city}",
            "leave {from_city} on {depart_date}",
            "leave {from_city} at {depart_time}",
            "on {depart_date} leave {from_city}",
            "at {depart_time} on {depart_date} leave {from_city}",
            "let {from_city} be the place to leave from",
            "have {depart_date} as the day to leave",
        ),
        "destination": (
            "arrive {to_city}",
            "arrive in {to_city}",
            "get to {to_city}",
            "fly to {to_city}",
            "arrive at the very busy airport of {to_city}",
            "arrive {to_city} on {arrive_date}",
            "arrive {to_city} at {arrive_time}",
            "on {arrive_date} arrive in {to_city}",
            "at {arrive_time} on {arrive_date} arrive {to_city}",
            "let {to_city} be the place to arrive at",
            "have {arrive_date} as the day to arrive",
        ),
        "journey": (
            "go from {from_city} to {to_city}",
            "fly from {from_city} to {to_city} on {depart_date}",
            "fly from {from_city} to {to_city} {depart_date}",
            "travel to {to_city} from {from_city}",
            "get from {from_city} to {to_city} by {arrive_time}",
            "book a ticket to {to_city} from {from_city} for {depart_date}",
        ),
        "other": (
            "fly with {airline}",
            "use {airline} if possible",
            "travel in {class}",
            "pay for {class} with {airline}",
            "stop in {stop_city}",
            "change planes in {stop_city}",
        ),
    },
    values={
        "city": (
            *("taipei", "new york", "boston", "shanghai", "paris", "san francisco", "denver", "london", "madrid"),
            *("hong kong", "oslo", "rome", "los angeles", "tokyo", "berlin", "atlanta", "salt lake city", "cairo"),
            *("lima", "dublin", "mexico city", "seoul", "vienna", "dallas", "kuala lumpur", "delhi", "miami"),
            *("buenos aires", "geneva", "lisbon", "seattle", "st. louis", "athens", "osaka", "las vegas", "prague"),
        ),
        "airline": (
            *("northern air", "sunrise", "blue wings", "pacific express", "eagle airways", "red star", "ocean air"),
            *("silver jet", "alpine", "morning air", "condor lines", "maple air"),
        ),
        "class": ("first class", "business class", "economy", "coach"),
        "date": (
            *(f"{month} {day}" for month in _MONTHS for day in _DAYS),
            *_WEEKDAYS,
            *(f"next {day}" for day in _WEEKDAYS),
            *("tomorrow", "today"),
        ),
        "time": tuple(f"{hour} {half}" for hour in (*range(1, 13), "5:30", "7:45", "10:15") for half in ("am", "pm")),
    },
)
_NUMERALS = "一 二 三 四 五 六 七 八 九 十 十一 十二".split()

CHINESE = Language(
    units=CHARACTERS,
    openings=("", "请问", "我想", "我打算", "请帮我查一下", "有没有航班可以"),
    clauses={
        "origin": (
            "离开{from_city}",
            "从{from_city}出发",
            "从{from_city}起飞",
            "从非常繁忙的{from_city}机场起飞",
            "{depart_date}离开{from_city}",
            "{depart_time}离开{from_city}",
            "{depart_date}{depart_time}从{from_city}出发",
            "在{from_city}登机离开",
            "出发的日子定在{depart_date}",
            "{depart_date}出发",
        ),
        "destination": (
            "抵达{to_city}",
            "到{to_city}去",
            "飞往{to_city}",
            "在非常繁忙的{to_city}机场降落",
            "{arrive_date}抵达{to_city}",
            "{arrive_time}抵达{to_city}",
            "{arrive_date}{arrive_time}到达{to_city}",
            "在{to_city}下机入境",
            "抵达的日子定在{arrive_date}",
            "{arrive_date}抵达",
        ),
        "journey": (
            "从{from_city}到{to_city}",
            "从{from_city}飞往{to_city}",
            "{depart_date}从{from_city}到{to_city}",
            "订一张{from_city}到{to_city}的机票",
            "买{depart_date}{from_city}飞{to_city}的票",
            "从{from_city}出发，{arrive_time}以前到{to_city}",
        ),
        "other": (
            "乘坐{airline}的飞机",
            "最好是{airline}",
            "坐{class}",
            "在{stop_city}转机",
            "经停{stop_city}",
        ),
    },
    values={
        "city": tuple(
            "台北 纽约 波士顿 上海 巴黎 旧金山 丹佛 伦敦 马德里 香港 奥斯陆 罗马 "
            "洛杉矶 东京 柏林 亚特兰大 开罗 利马 都柏林 墨西哥城 首尔 维也纳 达拉斯 吉隆坡 "
            "德里 迈阿密 日内瓦 里斯本 西雅图 雅典 大阪 布拉格 北京 广州 成都 西安".split()
        ),
        "airline": tuple(
            "北方航空 日出航空 蓝翼航空 太平洋航空 雄鹰航空 红星航空 海洋航空 银燕航空 高山航空 晨光航空".split()
        ),
        "class": ("头等舱", "商务舱", "经济舱"),
        "date": (
            *(f"{month}月{day}{end}" for month in _NUMERALS for day in (*_NUMERALS, "二十") for end in "日号"),
            *(f"{week}{day}" for week in ("周", "下周", "星期") for day in "一二三四五六日"),
            *("明天", "今天", "后天"),
        ),
        "time": tuple(f"{half}{hour}点" for half in ("上午", "下午", "晚上") for hour in _NUMERALS),
    },
)
LANGUAGES = {"flights": ENGLISH, "flights_zh": CHINESE}
"""Name of a corpus to its language."""
_HELD_OUT = ("city", "airline")
_PIECE = re.compile(r"\{(\w+)\}|([^{}]+)")

Template = tuple[str, ...]
"""The opening, and clauses in their order."""


def load(name: str, seed: int = DATA_SEED, sizes: dict[str, int] | None = None) -> dict[str, list[Sentence]]:
    """The corpus, made anew: split to sentences; the same seed makes the same one, no sentence comes twice.

    Args:
        name: "flights", or "flights_zh".
    """
    language, sizes = LANGUAGES[name], sizes or SIZES
    templates, values = split_templates(language, seed), split_values(language, seed)
    corpus: dict[str, list[Sentence]] = {}
    for split in SPLITS:
        rng, found = random.Random(f"{seed}/{split}"), dict[Sentence, None]()  # in the order they were drawn
        while len(found) < sizes[split]:
            found[_fill(rng.choice(templates[split]), values[split], language.units, rng)] = None
        corpus[split] = list(found)
    return corpus


def split_templates(language: Language, seed: int) -> dict[str, list[Template]]:
    """Which templates each split has for itself: origin, destination or both, in one clause or two, perhaps more."""
    kinds = [("origin",), ("destination",), ("journey",), *permutations(("origin", "destination"))]
    kinds += [(*kind[:i], "other", *kind[i:]) for kind in kinds for i in range(len(kind) + 1)]
    rng, found = random.Random(f"{seed}/templates"), dict[Template, None]()
    for kind in kinds:
        for _ in range(40):
            found[(rng.choice(language.openings), *(rng.choice(language.clauses[part]) for part in kind))] = None
    templates = list(found)
    rng.shuffle(templates)
    test, dev = len(templates) // 4, len(templates) // 8
    return {"train": templates[test + dev :], "dev": templates[test : test + dev], "test": templates[:test]}


def split_values(language: Language, seed: int) -> dict[str, dict[str, list[str]]]:
    """What can stand in each kind of slot, in each split: of the names each has some that no other has."""
    values = {split: {kind: list(all_) for kind, all_ in language.values.items()} for split in SPLITS}
    for kind in _HELD_OUT:
        first, *names = language.values[kind]  # Taipei, of which the notes speak, is in train
        random.Random(f"{seed}/{kind}").shuffle(names)
        test, dev = (round(share * len(names)) for share in (UNSEEN["test"], UNSEEN["dev"]))
        seen = [first, *names[test + dev :]]
        values["train"][kind] = seen
        values["dev"][kind] = seen + names[test : test + dev]
        values["test"][kind] = seen + names[:test]
    return values


def _fill(template: Template, values: dict[str, list[str]], units: str, rng: random.Random) -> Sentence:
    """A sentence with its tags."""
    between = " " if units == WORDS else ""
    joined = (" and " if units == WORDS else "，").join(template[1:])
    words: list[str] = []
    tags: list[str] = []
    taken = set[str]()
    for slot, text in _PIECE.findall(template[0] + between + joined):
        if slot:  # nobody flies from Taipei to Taipei
            text = rng.choice([value for value in values[slot.rpartition("_")[2]] if value not in taken])
            taken.add(text)
        pieces = split_text(text, units)
        words += pieces
        tags += [f"B-{slot}", *[f"I-{slot}"] * (len(pieces) - 1)] if slot else [OUTSIDE] * len(pieces)
    return Sentence(tuple(words), tuple(tags))


def split_text(text: str, units: str) -> list[str]:
    """The words of a text, between blanks; or its characters, without the blanks.

    >>> split_text("从台北 出发", CHARACTERS)
    ['从', '台', '北', '出', '发']
    """
    return text.split() if units == WORDS else [character for character in text if not character.isspace()]
