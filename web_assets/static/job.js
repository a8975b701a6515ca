// A job's page: exact values under the cursor, a stretch chosen by dragging, and the
// parts of the page that changed, as the coordinator draws them.
// What comes from outside is only ever put in as text.

import { inZone, on, tick } from "./live.js";

const SVG = "http://www.w3.org/2000/svg";
const one = (selector) => document.querySelector(selector);

// ---- the cursor ------------------------------------------------------------

let index = -1;

// The table is what the charts are drawn from: its rows are the values.
function rows() {
  return [...document.querySelectorAll("#points tbody tr")].map((row) => ({
    at: Date.parse(row.querySelector("time").dateTime) / 1000, row,
  }));
}

const heads = () => [...document.querySelectorAll("#points thead th")].map((th) => th.textContent);

function stretch() {
  const graph = one("#graph");
  return graph && { begin: Number(graph.dataset.begin), end: Number(graph.dataset.end) };
}

function step(found) {
  const gaps = found.slice(1).map((one, n) => one.at - found[n].at);
  return gaps.length ? Math.min(...gaps) : 0;
}

function nearest(found, at) {
  const half = step(found) / 2;
  let best = -1;
  for (let n = 0; n < found.length; n += 1) {
    if (best < 0 || Math.abs(found[n].at + half - at) < Math.abs(found[best].at + half - at)) best = n;
  }
  return best;
}

function show(found, n) {
  index = n;
  const { begin, end } = stretch();
  const half = step(found) / 2;
  const share = Math.min(Math.max((found[n].at + half - begin) / (end - begin), 0), 1);
  for (const area of document.querySelectorAll(".cursor-area")) lineIn(area, share);
  read(found[n].row);
}

function lineIn(area, share) {
  let line = area.querySelector(".cursor-line line");
  if (!line) {
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("class", "cursor-line");
    drawing.setAttribute("aria-hidden", "true");
    line = document.createElementNS(SVG, "line");
    line.setAttribute("y1", "0");
    line.setAttribute("y2", "100%");
    drawing.append(line);
    area.append(drawing);
  }
  const x = `${(share * 100).toFixed(2)}%`;
  line.setAttribute("x1", x);
  line.setAttribute("x2", x);
}

function read(row) {
  const names = heads();
  const said = [...row.children].map((cell, n) => {
    const part = document.createElement("span");
    part.className = "value";
    const name = document.createElement("b");
    name.textContent = n ? `${names[n].toLowerCase()} ` : "";
    part.append(name, cell.textContent);
    return part;
  });
  one("#readout").replaceChildren(...said.flatMap((part) => [part, " "]));
  const graph = one("#graph");
  graph.setAttribute("aria-valuenow", String(index));
  graph.setAttribute("aria-valuetext", [...row.children].map((c, n) => `${n ? names[n] : ""} ${c.textContent}`).join(", "));
}

function shareOf(area, event) {
  const box = area.getBoundingClientRect();
  return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
}

// ---- dragging chooses a stretch ----------------------------------------------

let from = null;

function zone(area, a, b) {
  let rect = area.querySelector(".cursor-zone rect");
  if (!rect) {
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("class", "cursor-zone");
    drawing.setAttribute("aria-hidden", "true");
    rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("height", "100%");
    drawing.append(rect);
    area.append(drawing);
  }
  rect.setAttribute("x", `${Math.min(a, b) * 100}%`);
  rect.setAttribute("width", `${Math.abs(a - b) * 100}%`);
}

const written = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");

function choose(a, b) {
  const { begin, end } = stretch();
  const [low, high] = [a, b].sort((x, y) => x - y).map((share) => begin + share * (end - begin));
  if (high - low < 60) return;
  const asked = new URLSearchParams(location.search);
  asked.delete("range");
  asked.delete("zone");
  asked.set("from", written(low));
  asked.set("to", written(high));
  location.assign(`${one("#graph").dataset.path}?${asked}`);
}

function watch(area) {
  area.addEventListener("pointermove", (event) => {
    const { begin, end } = stretch();
    const found = rows();
    const share = shareOf(area, event);
    if (found.length) show(found, nearest(found, begin + share * (end - begin)));
    if (from !== null) zone(area, from, share);
  });
  area.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType !== "mouse") return;
    event.preventDefault();
    area.focus({ preventScroll: true });
    from = shareOf(area, event);
    area.setPointerCapture(event.pointerId);
  });
  area.addEventListener("pointerup", (event) => {
    const begun = from;
    from = null;
    const drawn = area.querySelector(".cursor-zone");
    if (drawn) drawn.remove();
    if (begun !== null && Math.abs(shareOf(area, event) - begun) > 0.01) choose(begun, shareOf(area, event));
  });
  area.addEventListener("pointercancel", () => { from = null; });
}

const MOVES = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12, Home: -1e9, End: 1e9 };

function steer(event) {
  if (!(event.key in MOVES)) return;
  const found = rows();
  if (!found.length) return;
  event.preventDefault();
  const begun = index < 0 ? found.length - 1 : index + MOVES[event.key];
  show(found, Math.min(Math.max(begun, 0), found.length - 1));
}

// The chart can be walked along like a slider: that is what a screen reader says.
function arm() {
  for (const area of document.querySelectorAll(".cursor-area:not([data-armed])")) {
    area.dataset.armed = "";
    watch(area);
  }
  const graph = one("#graph");
  if (!graph) return;
  const said = graph.querySelector(".plot").getAttribute("aria-label");
  graph.setAttribute("role", "slider");
  graph.setAttribute("tabindex", "0");
  graph.setAttribute("aria-label", said);
  graph.setAttribute("aria-valuemin", "0");
  graph.setAttribute("aria-valuemax", String(Math.max(rows().length - 1, 0)));
  graph.setAttribute("aria-valuenow", String(Math.max(index, 0)));
  graph.addEventListener("keydown", steer);
}

// ---- what changed ------------------------------------------------------------

const WAITS = { verdict: 400, job: 300, incident: 600, note: 600, worker: 1500, result: 5000 };
let due = 0;
let timer = null;
let movedAt = 0;

document.addEventListener("pointermove", (event) => {
  if (event.target.closest("[data-part]")) movedAt = Date.now();
}, { passive: true });

function later(ms) {
  const at = Date.now() + ms;
  if (timer !== null && due <= at) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(again, ms);
}

async function again() {
  timer = null;
  if (document.hidden) {
    later(2000);
    return;
  }
  const request = new XMLHttpRequest();
  request.open("GET", location.pathname.replace(/\/(edit|note)$/, "") + location.search);
  request.responseType = "document";
  request.addEventListener("load", () => {
    if (request.status === 200 && !request.responseURL.includes("/login")) takeOver(request.response);
    else if (request.status !== 422) location.reload();
  });
  request.send();
}

// Nothing jumps under a moving pointer, the focus or a selection.
function isBusy(part) {
  const chosen = getSelection();
  return part.contains(document.activeElement)
    || (part.matches(":hover") && Date.now() - movedAt < 3000)
    || (!chosen.isCollapsed && chosen.containsNode(part, true));
}

// Ages tick by themselves; what the person has opened or chosen is theirs.
function essence(part) {
  const copy = part.cloneNode(true);
  for (const time of copy.querySelectorAll("time")) {
    time.textContent = "";
    time.removeAttribute("title");
  }
  for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
  for (const own of copy.querySelectorAll(".cursor-line, .cursor-zone")) own.remove();
  const area = copy.querySelector("#graph");
  const readout = copy.querySelector("#readout");
  if (readout) readout.replaceChildren();
  for (const each of copy.querySelectorAll(".cursor-area")) {
    for (const { name } of [...each.attributes]) if (name !== "class") each.removeAttribute(name);
  }
  if (area) area.removeAttribute("id");
  return copy;
}

function takeOver(page) {
  let held = false;
  // A part that came or went changes the page as a whole.
  const ids = (root) => [...root.querySelectorAll("#jobs [data-part][id]")].map((part) => part.id).join();
  if (ids(document) !== ids(page)) {
    held = isBusy(one("#jobs"));
    if (!held) put(one("#jobs"), page.querySelector("#jobs"));
  }
  for (const part of document.querySelectorAll("[data-part][id]")) {
    const next = page.getElementById(part.id);
    if (!next || essence(part).isEqualNode(essence(next))) continue;
    if (isBusy(part)) held = true;
    else put(part, next);
  }
  document.title = page.title;
  one("#icon").href = page.querySelector("#icon").getAttribute("href");
  tick();
  if (held) later(1000);
}

function put(part, next) {
  const open = [...part.querySelectorAll("details[id]")].map((details) => [details.id, details.open]);
  const drawn = part.querySelector("input[name=draw]:checked");
  const fresh = document.importNode(next, true);
  for (const [id, isOpen] of open) {
    const same = fresh.querySelector(`#${CSS.escape(id)}`);
    if (same) same.open = isOpen;
  }
  if (drawn && fresh.querySelector(`#${drawn.id}`)) fresh.querySelector(`#${drawn.id}`).checked = true;
  part.replaceWith(fresh);
  if (document.documentElement.dataset.zone === "local") inZone();
  arm();
}

document.addEventListener("pangea:job", ({ detail }) => later(WAITS[detail.kind] || 5000));
on("resync", () => later(300));
for (const kind of ["worker", "incident", "note"]) on(kind, () => later(WAITS[kind]));
arm();
keepDrawing();

// How the chart is drawn is remembered by this browser, if it remembers anything.
function keepDrawing() {
  try {
    const kept = localStorage.getItem("pangea.draw");
    const box = kept && one(`#draw-${CSS.escape(kept)}`);
    if (box) box.checked = true;
    document.addEventListener("change", (event) => {
      if (event.target.name === "draw") localStorage.setItem("pangea.draw", event.target.value);
    });
  } catch {
    // It forbids that: the chart begins as smoke each time.
  }
}
