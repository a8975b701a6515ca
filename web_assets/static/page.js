// What every page gets: the menu of the look, keys and their help, copy buttons.

import { bind, keysAreOn, known, works } from "./keys.js";
import { t } from "./text.js";
import { CELLS, VERDICTS, cellWord, verdictWord } from "./words.js";

const one = (selector) => document.querySelector(selector);
const html = document.documentElement;
html.classList.add("with-js");

function element(name, text, css) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (css) made.className = css;
  return made;
}

// ---- how it looks ----------------------------------------------------------

const LOOK = ["theme", "density", "zone", "effects", "keys"];

function keepLook() {
  const said = [...LOOK.map((name) => `${name}:${html.dataset[name]}`), `tz:${zone()}`].join(".");
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `pangea_look=${said}; path=/; max-age=31536000; SameSite=Lax${secure}`;
}

// What the coordinator draws by clocks, such as days and axes, it draws by these.
const zone = () => (html.dataset.zone === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : "");

function drawnElsewhere() {
  if (!zone() || document.cookie.includes(`tz:${zone()}`)) return;
  keepLook();
  if (document.cookie.includes(`tz:${zone()}`) && one("[data-zoned]")) location.reload();
}

function lookMenu() {
  const menu = one("#look");
  if (!menu) return;
  menu.addEventListener("change", (event) => {
    html.dataset[event.target.name] = event.target.value;
    keepLook();
    if (event.target.name === "zone" && one("[data-zoned]")) location.reload();
    showHints();
    document.dispatchEvent(new CustomEvent("pangea:look"));
  });
  document.addEventListener("click", (event) => {
    for (const open of document.querySelectorAll("details.menu[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
}

// ---- what the keys and the signs mean ---------------------------------------

function listed(rows) {
  const list = element("dl", "", "keys");
  for (const [left, right, css] of rows) {
    const pair = element("div");
    const term = element("dt");
    term.append(css ? element("span", left, css) : element("kbd", left));
    pair.append(term, element("dd", right));
    list.append(pair);
  }
  return list;
}

function signs() {
  const rows = Object.entries(VERDICTS).map(([verdict, glyph]) => [glyph, verdictWord(verdict), "v-" + verdict]);
  const cells = Object.entries(CELLS).filter(([state]) => !["ok", "warn", "failed", "maintenance"].includes(state));
  const all = new Map();
  // What has the same sign stands together.
  for (const [glyph, word, css] of [...rows, ...cells.map(([state, [glyph, css]]) => [glyph, cellWord(state), "v-" + css])]) {
    if (all.has(glyph)) all.get(glyph)[1] += ", " + word;
    else all.set(glyph, [glyph, word, css]);
  }
  return [...all.values()];
}

function help() {
  const old = one("#help");
  if (old) old.remove();
  const dialog = element("dialog", "", "help");
  dialog.id = "help";
  dialog.setAttribute("aria-labelledby", "help-title");
  const title = element("h2", t("keys.title"));
  title.id = "help-title";
  const form = element("form", "", "buttons");
  form.method = "dialog";
  form.append(element("button", t("keys.close")));
  const open = works("[data-row] a") ? [["Enter", t("keys.open")]] : [];
  const rows = [...open, ["Esc", t("keys.escape")], ...known()];
  dialog.append(title);
  if (!keysAreOn()) dialog.append(element("p", t("keys.off"), "error"));
  dialog.append(listed(rows), element("h2", t("keys.signs")), listed(signs()), element("p", t("keys.beats"), "dim"), form);
  document.body.append(dialog);
  dialog.showModal();
}

function showHints() {
  const hints = one("#hints");
  if (!hints || !keysAreOn()) return;
  const told = [
    works("[data-filter]") && t("keys.hint_filter"),
    works("[data-row] a") && t("keys.hint_move"),
    works("[data-row] a") && t("keys.hint_open"),
    works("[data-key=r]") && t("keys.hint_run"),
    works('[data-key="["]') && t("keys.hint_time"),
    works("[data-up]") && t("keys.hint_escape"),
    works("[data-new]") && t("keys.hint_new"),
    t("keys.hint_go"),
    t("keys.hint_help"),
  ];
  hints.textContent = told.filter(Boolean).join("  ");
}

// The last line says in words what is under the pointer or has the focus.
function sayWord(event) {
  const cell = event.target.closest(".cell");
  const word = one("#word");
  if (word) word.textContent = cell ? cell.getAttribute("aria-label") : "";
}

// ---- copy -------------------------------------------------------------------

function copyButtons() {
  for (const command of document.querySelectorAll(".command")) {
    const button = element("button", t("base.copy"), "quiet");
    button.type = "button";
    button.addEventListener("click", () => copy(command.querySelector("code"), button));
    command.append(button);
  }
}

// Over plain HTTP there is no clipboard: the text is selected, to be copied by hand.
async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = t("base.copied");
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = t("base.selected");
  }
  setTimeout(() => { button.textContent = t("base.copy"); }, 2000);
}

bind("?", "keys.help", help);
bind("n", "keys.new", () => location.assign(one("[data-new]").dataset.new), "[data-new]");
document.addEventListener("pointerover", sayWord, { passive: true });
document.addEventListener("focusin", sayWord);
if (one("#help-open")) one("#help-open").addEventListener("click", help);
drawnElsewhere();
lookMenu();
showHints();
copyButtons();
