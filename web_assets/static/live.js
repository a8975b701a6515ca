// Keeps a page true: what happens, whether we hear of it, and how time goes on.
// What comes from outside is only ever put in as text.

import { openStream } from "./stream.js";
import { t } from "./text.js";
import { age } from "./words.js";
import { clockOf, momentOf, zoneName } from "./zone.js";

const one = (selector) => document.querySelector(selector);
const html = document.documentElement;
const strip = one("#strip") || document.body;
const only = strip.dataset.only;
// The coordinator's clock counts, not the browser's.
const offset = strip.dataset.now ? Date.parse(strip.dataset.now) - Date.now() : 0;

export const now = () => Date.now() + offset;

export function setText(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

// ---- who wants to know ---------------------------------------------------

const listeners = new Map();

export function on(kind, listener) {
  if (!listeners.has(kind)) listeners.set(kind, []);
  listeners.get(kind).push(listener);
}

function tell(kind, data) {
  for (const listener of listeners.get(kind) || []) listener(data);
}

// ---- the stream ----------------------------------------------------------

let connected = false;
let lastHeard = now();

export const isLive = () => connected;

function heard({ kind, told }) {
  if (kind === "lost") return lost();
  lastHeard = now();
  if (kind === "open") found();
  if (kind === "resync") tell("resync");
  if (kind !== "frame") return undefined;
  for (const [what, data] of told) {
    tell(what, data);
    if (only && data.job === only) {
      document.dispatchEvent(new CustomEvent("pangea:job", { detail: { kind: what, data } }));
    }
  }
  tell("frame");
  return undefined;
}

function found() {
  connected = true;
  document.body.classList.remove("is-stale");
  one("#stale").hidden = true;
  setText(one("#live"), t("base.live"));
}

function lost() {
  if (!connected && !one("#stale").hidden) return;
  connected = false;
  const at = `${clockOf(lastHeard)} ${zoneName()}`;
  setText(one("#stale"), t("base.lost", { at }));
  one("#stale").hidden = false;
  document.body.classList.add("is-stale");
  setText(one("#live"), t("base.not_live"));
  tell("lost");
}

// A script's address must be one that we made ourselves (trusted types).
const policy = window.trustedTypes
  ? window.trustedTypes.createPolicy("pangea", { createScriptURL: (path) => path })
  : { createScriptURL: (path) => path };

function connect() {
  const after = Number(strip.dataset.event || 0);
  if (!window.SharedWorker) {
    openStream(after, heard);
    return;
  }
  const user = (one(".who .user") || strip).textContent.trim().slice(0, 63);
  const path = policy.createScriptURL("/static/shared.js");
  const worker = new SharedWorker(path, { type: "module", name: "pangea " + user });
  worker.addEventListener("error", () => openStream(after, heard));
  worker.port.onmessage = ({ data }) => heard(data);
  worker.port.postMessage({ after });
  addEventListener("pagehide", () => worker.port.postMessage({ bye: true }));
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

// ---- the page again, as the coordinator draws it ---------------------------

let reloadAt = 0;
let retry = null;
let movedAt = 0;

// Nothing jumps under a moving pointer, the focus or a selection.
export function busyIn(selector) {
  const part = one(selector);
  return part !== null && (Date.now() - movedAt < 3000
    || part.contains(document.activeElement)
    || !getSelection().isCollapsed);
}

document.addEventListener("pointermove", (event) => {
  if (event.target.closest("main")) movedAt = Date.now();
}, { passive: true });

export function refresh(inMs = 0) {
  const at = Date.now() + inMs;
  if (reloadAt && reloadAt <= at) return;
  reloadAt = at;
  setTimeout(fetchAgain, inMs);
}

// A refused form stands at the address it was posted to, which draws nothing.
function drawnAt() {
  if (only && !one("[data-fresh]")) return "/jobs/" + encodeURIComponent(only);
  return location.pathname + location.search;
}

function fetchAgain() {
  if (Date.now() < reloadAt - 50) return;
  reloadAt = 0;
  if (document.hidden || busyIn("#jobs") || busyIn("[data-fresh]")) {
    clearTimeout(retry);
    retry = setTimeout(() => refresh(0), 1000);
    return;
  }
  const request = new XMLHttpRequest();
  request.open("GET", drawnAt());
  request.responseType = "document";
  request.addEventListener("load", () => {
    if (request.status !== 200 || request.responseURL.includes("/login")) location.reload();
    else takeOver(request.response);
  });
  request.send();
}

const OLD = ["#jobs", "#trouble", "#workers-line", ".counts", ".jobhead h1"];

function takeOver(page) {
  const fresh = [...document.querySelectorAll("[data-fresh][id]")].map((node) => "#" + CSS.escape(node.id));
  for (const selector of fresh.length ? fresh : OLD) {
    const next = page.querySelector(selector);
    if (!next || !one(selector)) continue;
    for (const unfolded of document.querySelectorAll(`${selector} details[id]`)) {
      const again = next.querySelector(`#${CSS.escape(unfolded.id)}`);
      if (again) again.open = unfolded.open;
    }
    one(selector).replaceWith(document.adoptNode(next));
  }
  document.title = page.title;
  one("#icon").href = page.querySelector("#icon").getAttribute("href");
  lastHeard = now();
  tick();
  tell("refreshed");
}

// A page without a script of its own is drawn again when something happened.
function drawAgain() {
  const waits = { verdict: 1500, result: 2000, worker: 500, trouble: 500, job: 200 };
  const hears = (strip.dataset.hears || Object.keys(waits).join(" ")).split(" ");
  for (const kind of hears) {
    on(kind, (data) => {
      if (kind === "result" && !only) return;
      if (only && data.job && data.job !== only) return;
      refresh(waits[kind] || 1000);
    });
  }
  on("resync", () => refresh(200));
}

// ---- the title and the icon ------------------------------------------------

const COLOURS = { down: "#ff6b6b", degraded: "#ffb000", unknown: "#5ad4e6" };

export function showWorst(numbers) {
  const { down } = numbers;
  const worst = Object.keys(numbers).find((verdict) => numbers[verdict]) || "up";
  document.title = down ? `(${down}✖) Pangea` : "Pangea";
  one("#icon").href = worst in COLOURS ? counted(COLOURS[worst], numbers[worst]) : `/static/icon-${worst}.svg`;
}

function counted(colour, number) {
  const shown = number > 99 ? "99" : String(number);
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="${colour}"/>`
    + `<text x="16" y="23.5" font-family="monospace" font-weight="700" font-size="21" text-anchor="middle" fill="#0a0f0a">${shown}</text></svg>`;
  return "data:image/svg+xml," + encodeURIComponent(drawn);
}

// ---- time goes on ----------------------------------------------------------

export function tick() {
  const clock = one("#clock");
  if (clock) setText(clock, clockOf(now()));
  for (const time of document.querySelectorAll("main time:not([data-clock], [data-moment])")) {
    setText(time, age((now() - Date.parse(time.dateTime)) / 1000));
  }
}

// Moments in the zone that was chosen; the server wrote them in UTC.
export function inZone(root = document) {
  for (const time of root.querySelectorAll("main time")) {
    const at = Date.parse(time.dateTime);
    if (time.hasAttribute("data-clock")) setText(time, clockOf(at));
    if (time.hasAttribute("data-moment")) setText(time, momentOf(at));
    if (time.title || html.dataset.zone === "local") time.title = `${momentOf(at)} ${zoneName()}`;
  }
  for (const name of root.querySelectorAll("[data-zone-name]")) setText(name, zoneName());
  if (strip.dataset.now) tick();
}

document.addEventListener("pangea:look", () => inZone());
on("refreshed", () => { if (html.dataset.zone === "local") inZone(); });
if (html.dataset.zone === "local") inZone();
if (strip.dataset.now) setInterval(tick, 1000);
if (strip.dataset.now) {
  if (!strip.hasAttribute("data-own") && !one("[data-part]")) drawAgain();
  connect();
}
