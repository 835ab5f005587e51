// Before anything is shown: what the reader chose last, where the browser keeps it for a file.
const kept = {
  get(name) {
    try { return localStorage.getItem(`chapter6.${name}`); } catch { return null; }
  },
  set(name, value) {
    try { localStorage.setItem(`chapter6.${name}`, value); } catch { /* asked anew at the next visit */ }
  },
};
const root = document.documentElement;
const darkness = matchMedia("(prefers-color-scheme: dark)");

function choose(look) {
  root.lang = look.lang;
  root.dataset.theme = look.theme;
}
choose({ lang: kept.get("lang") === "en" ? "en" : "zh-CN",
         theme: ["light", "dark"].includes(kept.get("theme")) ? kept.get("theme") : darkness.matches ? "dark" : "light" });
