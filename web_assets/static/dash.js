// The dashboard: all jobs at hand, so that search, order and groups ask nobody, and
// what happens is painted where it belongs.

import { bind } from "./keys.js";
import { busyIn, now, on, setText, showWorst } from "./live.js";
import { askedOf, chosen, columnsOf, counted, grouped, hrefOf } from "./matrix.js";
import { cellTitle, headCell, headRow, hrefOf as jobHref, paint, rowOf } from "./rows.js";
import { showNews, showWorstJob } from "./news.js";
import { picking } from "./pick.js";
import { t } from "./text.js";
import { safe, verdictWord } from "./words.js";

const AT_ONCE = 100;
const BEATS = 12;
const LETTERS = { ok: "o", warn: "w", failed: "f", error: "e" };
const one = (selector) => document.querySelector(selector);
const table = one("#matrix");
const admin = one("#bulk") !== null;

let ask = askedOf(location.search);
let jobs = new Map();
let workers = [];
let columns = [];
let rows = new Map();
let shown = [];
let limit = AT_ONCE;
let newest = 0;
const dirty = new Set();
let disordered = false;

// ---- all of it ---------------------------------------------------------------

let loadAt = 0;
let loading = false;

function load(inMs) {
  const at = Date.now() + inMs;
  if (loadAt && loadAt <= at) return;
  loadAt = at;
  setTimeout(fetchAll, inMs);
}

async function fetchAll() {
  if (Date.now() < loadAt - 50) return;
  if (loading || document.hidden) {
    loadAt = 0;
    if (!loading) document.addEventListener("visibilitychange", () => load(0), { once: true });
    return;
  }
  loadAt = 0;
  loading = true;
  try {
    const answer = await fetch("/dash/jobs", { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 401) location.reload();
    else if (answer.ok) adopt(await answer.json());
    else load(3000);
  } catch {
    load(3000);
  } finally {
    loading = false;
  }
}

function adopt(data) {
  if (data.event < newest && jobs.size) {
    load(300);
    return;
  }
  if (!table !== !data.jobs.length) {
    location.assign("/dash");
    return;
  }
  newest = data.event;
  showNews(data);
  const same = JSON.stringify(workers) === JSON.stringify(data.workers);
  workers = data.workers;
  jobs = new Map(data.jobs.map((job) => [job.name, modelOf(job)]));
  if (!same) columnsAgain();
  for (const name of rows.keys()) if (!jobs.has(name)) rows.delete(name);
  for (const [name, tr] of rows) {
    if (tr.told !== jobs.get(name).told || tr.labels !== key(jobs.get(name))) rows.delete(name);
    else dirty.add(name);
  }
  disordered = true;
  settle();
}

const key = (job) => [job.type, job.target, job.fail].join("\n");

function modelOf(job) {
  const cells = new Map(job.cells.map(([worker, state, ms, at, why, beats]) =>
    [worker, { worker, state, ms, at, why, beats, counted: at || 0 }]));
  return { ...job, cells };
}

function columnsAgain() {
  columns = columnsOf(workers, ask.group);
  rows = new Map();
  const head = table.tHead.rows[0];
  for (const th of head.querySelectorAll(".place")) th.remove();
  head.querySelector(".last").before(...columns.map(headCell));
  table.classList.remove("few", "some", "many");
  table.classList.add(columns.length <= 2 ? "few" : columns.length <= 6 ? "some" : "many");
}

// ---- what is painted -----------------------------------------------------------

function row(job) {
  let tr = rows.get(job.name);
  if (!tr) {
    tr = rowOf(job, { columns, workers, admin });
    tr.told = job.told;
    tr.labels = key(job);
    rows.set(job.name, tr);
    picks.show(tr);
  } else if (dirty.has(job.name)) {
    paint(tr, job, columns, workers);
  }
  dirty.delete(job.name);
  return tr;
}

// Puts the rows in their order; only what a person did, or an idle pointer, may.
function arrange() {
  disordered = false;
  shown = chosen([...jobs.values()], ask);
  const width = columns.length + (admin ? 6 : 4);
  const bodies = [];
  for (const [title, group] of grouped(shown.slice(0, limit), ask.group)) {
    const body = document.createElement("tbody");
    if (title) body.append(headRow(title, counted(group), width));
    body.append(...group.map(row));
    bodies.push(body);
  }
  if (!shown.length) bodies.push(nothing(width));
  for (const body of [...table.tBodies]) body.remove();
  table.append(...bodies);
  const found = { found: shown.length, all: jobs.size };
  setText(one("#shown"), shown.length < jobs.size ? t("dash.shown_some", found) : t("dash.shown_all", found));
  one("#clear").hidden = !(ask.q || ask.verdicts.size);
  one("#turns").replaceChildren();
}

function nothing(width) {
  const body = document.createElement("tbody");
  const tr = body.insertRow();
  tr.className = "empty";
  const td = tr.insertCell();
  td.colSpan = width;
  td.textContent = t("dash.nothing_found");
  return body;
}

function repaint() {
  for (const name of dirty) {
    const tr = rows.get(name);
    if (tr && tr.isConnected) {
      paint(tr, jobs.get(name), columns, workers);
      dirty.delete(name);
    } else if (!tr) dirty.delete(name);
  }
}

let holding = null;

// Nothing jumps under a moving pointer, the focus or a selection: then values
// change in their places, and the order waits.
function settle() {
  repaint();
  const numbers = counted(jobs.values());
  showCounts(numbers);
  showWorst(numbers);
  showWorstJob(jobs, numbers, jobHref);
  if (!disordered) return;
  if (!busyIn("#matrix")) {
    arrange();
    return;
  }
  clearTimeout(holding);
  holding = setTimeout(settle, 1000);
}

function showCounts(numbers) {
  for (const item of document.querySelectorAll("#counts li")) {
    const { verdict } = item.dataset;
    setText(item.querySelector(".number"), String(numbers[verdict]));
    item.classList.toggle("none", numbers[verdict] === 0);
    const on = ask.verdicts.has(verdict);
    if (on) item.firstChild.setAttribute("aria-current", "true");
    else item.firstChild.removeAttribute("aria-current");
  }
}

// ---- what a person wants --------------------------------------------------------

function want(changes) {
  const group = ask.group;
  ask = { ...ask, ...changes };
  limit = AT_ONCE;
  history.replaceState(null, "", hrefOf(ask));
  if (ask.group !== group && (ask.group === "region" || group === "region")) columnsAgain();
  arrange();
  showCounts(counted(jobs.values()));
  for (const head of table.tHead.querySelectorAll("[data-sort]")) {
    if (head.dataset.sort === ask.sort) head.parentNode.setAttribute("aria-sort", "other");
    else head.parentNode.removeAttribute("aria-sort");
  }
}

function clear() {
  one("#q").value = "";
  want({ q: "", verdicts: new Set() });
}

function controls() {
  one("#tools").addEventListener("submit", (event) => {
    event.preventDefault();
    const first = table.querySelector("[data-row] a");
    if (first) first.focus();
  });
  one("#q").addEventListener("input", (event) => want({ q: event.target.value.trim() }));
  one("#group").addEventListener("change", (event) => want({ group: event.target.value }));
  one("#sort").addEventListener("change", (event) => want({ sort: event.target.value }));
  one("#clear").addEventListener("click", (event) => {
    event.preventDefault();
    clear();
  });
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("[data-sort]");
    if (!head) return;
    event.preventDefault();
    one("#sort").value = head.dataset.sort;
    want({ sort: head.dataset.sort });
  });
  one("#counts").addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (!item) return;
    event.preventDefault();
    const { verdict } = item.dataset;
    want({ verdicts: ask.verdicts.has(verdict) ? new Set() : new Set([verdict]) });
  });
  // The word of a cell is made when somebody looks: its age is then true.
  for (const kind of ["pointerover", "focusin"]) table.addEventListener(kind, freshen);
  new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting || limit >= shown.length) return;
    limit += AT_ONCE;
    arrange();
  }, { rootMargin: "600px" }).observe(one("#turns"));
}

function freshen(event) {
  const td = event.target.closest("td[data-worker]");
  const job = td && jobs.get(td.parentNode.dataset.job);
  if (!job) return;
  const column = columns[[...td.parentNode.querySelectorAll("td[data-worker]")].indexOf(td)];
  const cells = column.members.map((number) => job.cells.get(number)).filter(Boolean);
  if (cells.length !== 1) return;
  const said = safe(cellTitle(column, cells[0], workers), 600);
  td.firstChild.title = said;
  td.firstChild.setAttribute("aria-label", said);
}

// ---- what happens ----------------------------------------------------------------

function heardResult(result) {
  const job = jobs.get(result.job);
  if (!job) return;
  const number = job.told ? -1 : workers.findIndex(([name]) => name === result.worker);
  if (number < 0 && !job.told) {
    load(1000);
    return;
  }
  const cell = job.cells.get(number) || { worker: number, beats: "", at: 0, counted: 0 };
  const at = Date.parse(result.started_at) / 1000;
  const warned = result.outcome === "ok" && (result.flags || []).includes("warn");
  const state = warned ? "warn" : result.outcome in LETTERS ? result.outcome : "error";
  job.cells.set(number, cell);
  // What could not be stored yet comes again.
  if (!result.provisional && at > cell.counted) {
    cell.counted = at;
    cell.beats = (cell.beats + LETTERS[state]).slice(-BEATS);
  }
  if (at < cell.at) return;
  const why = [result.reason, result.detail].filter(Boolean).join(": ");
  Object.assign(cell, { state, at, ms: result.duration_ms, why: safe(why) });
  // How long a failure took says nothing of how fast the target is.
  if (state === "ok" || state === "warn") job.last = result.duration_ms;
  else if (![...job.cells.values()].some((one) => one.state === "ok" || one.state === "warn")) job.last = null;
  dirty.add(job.name);
}

function heardVerdict({ job: name, verdict, reason, at }) {
  const job = jobs.get(name);
  if (!job) return;
  job.verdict = verdict;
  job.reason = safe(reason || "");
  job.since = Date.parse(at) / 1000 || now() / 1000;
  dirty.add(name);
  disordered = true;
  setText(one("#said"), safe(t("dash.is_now", { job: name, verdict: verdictWord(verdict).toLowerCase(), reason: reason || "" })));
}

on("result", heardResult);
on("verdict", heardVerdict);
// Many pages hear the same: they do not all ask at the same moment.
const soon = (ms) => load(ms + Math.random() * ms);
on("job", () => soon(200));
on("worker", () => soon(1000));
on("trouble", () => soon(300));
on("resync", () => soon(200));
on("frame", () => { if (table && jobs.size) settle(); });

const picks = picking({ chosen: () => shown, all: () => jobs });

bind("Escape", "keys.escape", () => {
  if (!table || !(ask.q || ask.verdicts.size)) return false;
  clear();
  return true;
});
document.addEventListener("pangea:look", () => {
  rows = new Map();
  if (table && jobs.size) arrange();
});
if (table) controls();
load(0);
