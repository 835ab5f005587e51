"use strict";
// What an exhibit is given, and what the page does by itself: language, light and dark, the filter, large figures.

const exhibits = {};

const page = {
  // A node: element("p", {class: "note"}, "text", otherNode). Text is text, never markup.
  element(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  },

  // A <span> in the reader's language; it follows the switch.
  text(en, zh) {
    return page.element("span", {},
      page.element("span", { lang: "zh-CN" }, zh), page.element("span", { lang: "en" }, en));
  },

  begin() {
    for (const section of document.querySelectorAll(".exhibit")) play(section);
    switchLooks();
    filterClaims();
    enlargeFigures();
    copyCommands();
    followReading();
    addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => { each.open = true; }));
  },
};

function play(section) {
  const stage = section.querySelector(".stage");
  try {
    exhibits[section.dataset.kind](stage, JSON.parse(section.querySelector("script").textContent), page);
  } catch (error) {
    stage.replaceChildren(page.element("p", { class: "failed" },
      page.text("This part does not work in this browser: ", "这一部分无法在此浏览器中运行："), String(error)));
  }
}

// --- language, light and dark ---

function switchLooks() {
  const language = document.querySelector(".language");
  const theme = document.querySelector(".theme");
  const titles = document.title.match(/^(.*?) ([A-Za-z].*)$/);

  function show() {
    const isChinese = root.lang === "zh-CN", isDark = root.dataset.theme === "dark";
    language.textContent = isChinese ? "English" : "中文";
    language.lang = isChinese ? "en" : "zh-CN";
    theme.replaceChildren(isDark ? page.text("Light", "浅色") : page.text("Dark", "深色"));
    if (titles) document.title = titles[isChinese ? 1 : 2];
    document.dispatchEvent(new CustomEvent("look")); // for what is drawn on a canvas
  }

  language.addEventListener("click", () => {
    root.lang = root.lang === "zh-CN" ? "en" : "zh-CN";
    kept.set("lang", root.lang);
    show();
  });
  theme.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    kept.set("theme", root.dataset.theme);
    show();
  });
  darkness.addEventListener("change", () => {
    if (!kept.get("theme")) root.dataset.theme = darkness.matches ? "dark" : "light";
    show();
  });
  show();
}

// --- only the claims of one verdict ---

function filterClaims() {
  const buttons = [...document.querySelectorAll(".filter button")];
  const status = document.querySelector(".filtered");
  function filter(only) {
    root.dataset.only = only;
    for (const each of buttons) each.setAttribute("aria-pressed", each.dataset.only === only);
    for (const claim of document.querySelectorAll(".claim")) claim.hidden = only && !claim.classList.contains(only);
    for (const run of document.querySelectorAll(".run")) run.hidden = !run.querySelector(".claim:not([hidden])");
    status.replaceChildren(...(only ? [page.text("Only these claims are shown; figures and tables are put away.",
      "下面只列出这些论断，图表已收起。")] : []));
  }
  for (const button of buttons) button.addEventListener("click", () => filter(button.dataset.only));
  // a link to a run that is put away shows all again, before the browser goes there
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && document.getElementById(link.hash.slice(1))?.hidden) filter("");
  });
}

// --- figures ---

function enlargeFigures() {
  const dialog = document.querySelector("dialog.large");
  const large = dialog.querySelector("img");
  for (const button of document.querySelectorAll(".enlarge")) button.addEventListener("click", () => {
    const image = button.querySelector("img");
    [large.src, large.alt] = [image.src, image.alt];
    dialog.showModal();
  });
  dialog.addEventListener("click", () => dialog.close()); // Escape closes a dialog by itself
}

// --- commands ---

function copyCommands() {
  for (const button of document.querySelectorAll(".copy")) button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    getSelection().selectAllChildren(code); // where the clipboard is closed to a file, it is selected at least
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.replaceChildren(page.text("Copied", "已复制"));
    } catch { button.replaceChildren(page.text("Selected", "已选中")); }
  });
}

// --- where the reader is ---

function followReading() {
  const menu = document.querySelector(".menu"), contents = document.querySelector("#contents");
  const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));

  function open(isOpen) {
    menu.setAttribute("aria-expanded", isOpen);
    contents.classList.toggle("open", isOpen);
  }
  menu.addEventListener("click", () => open(menu.getAttribute("aria-expanded") !== "true"));
  contents.addEventListener("click", (event) => { if (event.target.closest("a")) open(false); });
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && contents.classList.contains("open")) { open(false); menu.focus(); }
  });

  const watcher = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) if (isIntersecting) {
      for (const [id, link] of links) link.toggleAttribute("aria-current", id === target.id);
      links.get(target.id)?.scrollIntoView({ block: "nearest" });
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("main > [id]").forEach((each) => watcher.observe(each));
}
