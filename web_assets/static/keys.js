// The keyboard: one table of keys, told by `?`; off while somebody types.

import { t } from "./text.js";

const bound = new Map();
const WAIT_MS = 1500;
let begun = "";
let begunAt = 0;

// keys: "r" or a sequence such as "g w"; says: a key of the catalogue, or its text;
// needs: a selector of what it works on, without which it is not told.
export function bind(keys, says, action, needs = "body") {
  bound.set(keys, { says, action, needs });
}

export const works = (needs) => document.querySelector(needs) !== null;

export function known() {
  const named = [...bound].filter(([keys, { needs }]) => keys !== "Escape" && works(needs));
  const rows = named.map(([keys, { says }]) => [keys, said(says)]);
  for (const node of document.querySelectorAll("[data-key]")) {
    if (node.dataset.says) rows.push([node.dataset.key, said(node.dataset.says)]);
  }
  for (const link of document.querySelectorAll("[data-go]")) {
    rows.push([link.dataset.go, t("keys.go", { page: link.textContent.toLowerCase() })]);
  }
  return rows;
}

function said(says) {
  try {
    return t(says);
  } catch {
    return says;
  }
}

export const keysAreOn = () => document.documentElement.dataset.keys !== "off";

const typing = (target) => target.closest(
  "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=button])",
) !== null;

function act(keys, event) {
  const found = bound.get(keys);
  if (found && works(found.needs)) {
    event.preventDefault();
    found.action(event);
    return true;
  }
  const node = document.querySelector(`[data-key="${CSS.escape(keys)}"], [data-go="${CSS.escape(keys)}"]`);
  if (!node || node.hidden) return false;
  event.preventDefault();
  node.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape") {
    escape(event);
    return;
  }
  if (!keysAreOn() || typing(event.target) || document.querySelector("dialog[open]")) return;
  const sequence = begun && Date.now() - begunAt < WAIT_MS ? `${begun} ${event.key}` : "";
  begun = "";
  if (sequence && act(sequence, event)) return;
  if (event.key === "g") {
    begun = "g";
    begunAt = Date.now();
    return;
  }
  act(event.key, event);
});

// Out of a field; out of a menu; then what the page does with it; then up.
function escape(event) {
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (bound.has("Escape") && bound.get("Escape").action(event)) return;
  if (typing(event.target)) {
    event.target.blur();
    return;
  }
  const up = document.querySelector("a[data-up]");
  if (up && keysAreOn()) up.click();
}

function move(step) {
  const rows = [...document.querySelectorAll("[data-row]")];
  const at = rows.indexOf(document.activeElement.closest("[data-row]"));
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step];
  const link = next && next.querySelector("a");
  if (!link) return;
  link.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

bind("/", "keys.filter", () => {
  const filter = document.querySelector("[data-filter]");
  if (!filter) return;
  filter.focus();
  filter.select();
}, "[data-filter]");
bind("j", "keys.down", () => move(1), "[data-row] a");
bind("k", "keys.up", () => move(-1), "[data-row] a");
