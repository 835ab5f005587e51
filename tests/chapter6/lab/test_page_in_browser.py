"""The page as a reader has it: opened from its file in a real browser, in both languages, wide, narrow and dark."""

import re
from pathlib import Path
from typing import Any

from chapter6.contents import SECTIONS
from chapter6.lab import page
from chapter6.lab.claim import Claim
from chapter6.lab.lesson import Exhibit
from chapter6.lab.report import Table
from chapter6.lab.text import Text, same

import pytest
from browser import NARROW, assert_no_errors, visit
from runs_left import CLAIMS, leave_run

TAB, ENTER, SPACE, ESCAPE = "\ue004", "\ue007", "\ue00d", "\ue00c"
"""Keys, as WebDriver writes them."""

NASTY = "<script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">"
WIDE_TABLE = Table(
    same("Many columns"), [f"column {n}" for n in range(30)], [[f"{NASTY if n == 1 else n}" for n in range(30)]]
)
LONG = "averyverylongwordthathasnoplacetobreakatall" * 4
TOGGLE = """exhibits.toggle = function (stage, data, page) {
  const shown = page.element("output", {}, "");
  const button = page.element("button", { type: "button" }, page.text("Leave out", "去掉"));
  button.addEventListener("click", () => { shown.textContent = data.review; });
  stage.append(button, shown);
};"""
FAILING = "exhibits.failing = function (stage, data, page) { data.nowhere.at(0); };"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all that a page can hold, and with reviews that would rather be programs."""
    place = tmp_path_factory.mktemp("page")
    out = place / "runs"
    scripts = {"toggle": TOGGLE, "failing": FAILING}
    for kind, script in scripts.items():
        (place / f"{kind}.js").write_text(script)
    review = Text(f"leave {NASTY} out", f"去掉 {NASTY}")
    exhibits = [Exhibit(kind, review, review, {"review": NASTY}) for kind in ("failing", "toggle")]
    claims = [*CLAIMS, Claim("nasty", review, Text(LONG, LONG), [[1.0, 2.0], [0.5, 0.5]])]
    leave_run(out, "6.2", claims=claims, tables=[WIDE_TABLE], exhibits=exhibits, caption=review)
    leave_run(out, "6.2", "book")
    leave_run(out, "6.4", claims=CLAIMS[:1], learning_rate=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page.write, "SCRIPTS", {kind: place / f"{kind}.js" for kind in scripts})
        return page.make(out, SECTIONS)


def shown(browser: Any, selector: str) -> list[str]:
    """What a reader sees of these elements."""
    return [each.text for each in browser.find_elements("css selector", selector) if each.is_displayed()]


def click(browser: Any, selector: str) -> None:
    node = one(browser, selector)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", node)
    node.click()


def one(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def test_it_opens_from_its_file_and_asks_for_nothing(browser: Any, index: Path) -> None:
    visit(browser, index)
    assert index.stat().st_size < 200_000
    asked = browser.execute_script("return performance.getEntries().map((each) => each.name)")
    assert [name for name in asked if ":" in name and not name.startswith(("file:", "data:"))] == []


LOAD = """const [kind, source, say] = arguments;
const node = document.createElement(kind);
node.onload = () => say('loaded');
node.onerror = () => say('error');
node.src = source;
document.body.append(node);"""


def test_no_request_may_leave(browser: Any, index: Path) -> None:
    visit(browser, index)
    for element, source in (("img", "https://example.org/x.png"), ("script", "https://example.org/x.js")):
        assert browser.execute_async_script(LOAD, element, source) == "error"
    fetch = "fetch('https://example.org/').then(arguments[0], () => arguments[0]('error'))"
    assert browser.execute_async_script(fetch) == "error"
    script = "Object.assign(document.createElement('script'), {text: 'broken = 1'})"
    browser.execute_script(f"document.body.append({script})")
    assert browser.execute_script("return typeof broken") == "undefined"  # a script of another text does not run either
    assert "Content Security Policy" in str(browser.get_log("browser"))


@pytest.mark.parametrize(("lang", "other"), [("zh-CN", "en"), ("en", "zh-CN")])
def test_one_language_at_a_time_and_a_switch(lang: str, other: str, browser: Any, index: Path) -> None:
    visit(browser, index, lang=lang)
    entry = SECTIONS["6.4"]
    titles = {"zh-CN": entry.title.zh, "en": entry.title.en}
    assert shown(browser, '[id="6.4-quick"] h2') == [titles[lang]]
    assert browser.execute_script("return document.documentElement.lang") == lang
    click(browser, ".language")
    assert shown(browser, '[id="6.4-quick"] h2') == [titles[other]]
    assert browser.execute_script("return document.documentElement.lang") == other
    chinese = re.search("[\u4e00-\u9fff]", one(browser, '[id="6.4-quick"]').text)
    assert bool(chinese) == (other == "zh-CN")
    browser.refresh()  # it is kept, where the browser keeps anything for a file
    assert shown(browser, '[id="6.4-quick"] h2') == [titles[other]]


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_a_narrow_screen_scrolls_one_way(lang: str, browser: Any, index: Path) -> None:
    visit(browser, index, NARROW, lang)
    assert browser.execute_script("return document.documentElement.scrollWidth") == NARROW[0]
    wider = """return [...document.querySelectorAll('body *')].filter((each) => {
        const box = each.getBoundingClientRect();
        return box.width && box.right > innerWidth + 1 && !each.closest('.scrolling, .stage, .heard, dialog, .skip');
    }).map((each) => each.outerHTML.slice(0, 80))"""
    assert browser.execute_script(wider) == []
    assert not one(browser, "nav").is_displayed()
    click(browser, ".menu")
    assert one(browser, "nav").is_displayed()
    one(browser, "nav a[href='#6.4-quick']").click()
    assert not one(browser, "nav").is_displayed()


def test_the_contents_lead_to_each_run(browser: Any, index: Path) -> None:
    visit(browser, index)
    for name in ("6.4-quick", "6.2-book", "6.2-quick", "6.4-quick"):
        one(browser, f"nav a[href='#{name}']").click()
        top = browser.execute_script("return document.getElementById(arguments[0]).getBoundingClientRect().top", name)
        assert 0 < top < 200


CONTRASTS = """
const luminance = (rgb) => rgb.map((c) => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
function behind(node) {
  for (; node; node = node.parentElement) {
    const [r, g, b, a = 1] = parse(getComputedStyle(node).backgroundColor);
    if (a === 1) return [r, g, b];
  }
  return [255, 255, 255];
}
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest('script, style, svg')) continue;
  const [a, b] = [luminance(parse(getComputedStyle(node).color).slice(0, 3)), luminance(behind(node))];
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  found.push([ratio, walker.currentNode.data.trim().slice(0, 40)]);
}
return found;
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_stands_out(theme: str, browser: Any, index: Path) -> None:
    visit(browser, index, theme=theme)
    found = browser.execute_script(CONTRASTS)
    assert len(found) > 100
    assert [text for text in found if text[0] < 4.5] == []
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", paper))) < 200) == (theme == "dark")


def test_dark_follows_the_system_until_the_reader_chooses(browser: Any, index: Path) -> None:
    def system(value: str) -> str:
        features = [{"name": "prefers-color-scheme", "value": value}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        frames = "const say = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => say()))"
        browser.execute_async_script(frames)  # the page is told when the next frame is drawn
        return browser.execute_script("return document.documentElement.dataset.theme")

    visit(browser, index)
    try:
        browser.execute_script("localStorage.clear()")
        system("dark")
        browser.refresh()
        assert (system("dark"), system("light"), system("dark")) == ("dark", "light", "dark")
        click(browser, ".theme")
        assert (system("dark"), system("light")) == ("light", "light")
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_filter_shows_the_claims_of_one_verdict(browser: Any, index: Path) -> None:
    visit(browser, index, lang="en")
    click(browser, ".filter [data-only=fails]")
    assert set(shown(browser, ".claim .verdict")) == {"✗ does not hold"}
    assert len(shown(browser, ".claim")) == 2
    assert shown(browser, ".run h2") == [SECTIONS["6.2"].title.en] * 2
    assert shown(browser, "figure") == []
    assert one(browser, ".filter [data-only=fails]").get_attribute("aria-pressed") == "true"
    click(browser, ".filter [data-only='']")
    assert len(shown(browser, ".claim")) == 10


def test_a_link_to_what_the_filter_put_away_leads_there(browser: Any, index: Path) -> None:
    visit(browser, index, lang="en")
    click(browser, ".filter [data-only=fails]")
    hidden = browser.execute_script("return document.querySelector('.run[hidden]').id")
    click(browser, f"nav a[href='#{hidden}']")
    assert one(browser, f"[id='{hidden}']").is_displayed()
    assert one(browser, ".filter [data-only='']").get_attribute("aria-pressed") == "true"


def test_the_keyboard_reaches_everything(browser: Any, index: Path) -> None:
    visit(browser, index, lang="en")
    one(browser, "body").send_keys(TAB)
    assert browser.switch_to.active_element.text == "Skip to the results"
    reached = []
    for _ in range(200):
        active = browser.switch_to.active_element
        if active.tag_name == "body":
            break
        outline = active.value_of_css_property("outline-style")
        assert outline == "solid", active.get_attribute("outerHTML")[:100]
        reached.append(active.id)
        active.send_keys(TAB)
    clickable = browser.find_elements("css selector", "a, button, summary, [tabindex='0']")
    assert {each.id for each in clickable if each.is_displayed()} <= set(reached)


@pytest.mark.parametrize("key", [ENTER, SPACE])
def test_keys_enlarge_a_figure_and_escape_closes_it(key: str, browser: Any, index: Path) -> None:
    visit(browser, index)
    one(browser, ".enlarge").send_keys(key)
    large = one(browser, "dialog img")
    assert large.is_displayed()
    assert large.get_property("naturalWidth") == 800
    browser.switch_to.active_element.send_keys(ESCAPE)
    assert not large.is_displayed()
    assert browser.switch_to.active_element == one(browser, ".enlarge")


def test_a_review_that_is_a_script_stays_text(browser: Any, index: Path) -> None:
    visit(browser, index, lang="en")
    click(browser, "[data-kind=toggle] button")
    assert shown(browser, "[data-kind=toggle] output") == [NASTY]
    assert browser.title != "broken"
    assert NASTY in one(browser, "[data-kind=toggle] h4").text
    assert one(browser, "[id='6.2-quick'] td:nth-child(2)").get_property("textContent") == NASTY
    assert browser.execute_script("return document.querySelectorAll('img[onerror]').length") == 0
    assert_no_errors(browser)


def test_an_exhibit_that_fails_says_so_and_breaks_nothing(browser: Any, index: Path) -> None:
    visit(browser, index, lang="en")
    assert "does not work" in one(browser, "[data-kind=failing] .stage").text
    assert shown(browser, "[data-kind=toggle] button") == ["Leave out"]
    click(browser, ".language")
    assert shown(browser, "[data-kind=toggle] button") == ["去掉"]


def test_printing_shows_all_and_no_buttons(browser: Any, index: Path) -> None:
    visit(browser, index, theme="dark")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        assert shown(browser, ".bar, nav, .copy, .filter") == []
        assert all(each.is_displayed() for each in browser.find_elements("css selector", "dl"))
        assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
