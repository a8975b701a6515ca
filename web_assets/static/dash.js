// The dashboard: all jobs at hand, so that search, order and groups ask nobody, and
// what happens is painted where it belongs.

import { bind } from "./keys.js";
import { busyIn, on, refresh, setText, showWorst } from "./live.js";
import { modelOf, sameRow, takeResult, takeVerdict } from "./model.js";
import { bodyOf, inOrder, nothing } from "./bodies.js";
import { askedOf, chosen, columnsOf, counted, grouped, hrefOf } from "./matrix.js";
import { cellTitle, headCell, headRow, hrefOf as jobHref, paint, rowOf } from "./rows.js";
import { showNews, showWorstJob } from "./news.js";
import { picking } from "./pick.js";
import { t } from "./text.js";
import { safe, verdictWord } from "./words.js";

// As many as a screen holds; the others follow when these are drawn.
const AT_ONCE = 24;
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
let told = one("#workers-line").textContent;
const dirty = new Set();
let disordered = false;

// ---- all of it ---------------------------------------------------------------

let loadAt = 0;
let loading = false;
let again = false;

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
    again = loading;
    if (!loading) document.addEventListener("visibilitychange", () => load(0), { once: true });
    return;
  }
  loadAt = 0;
  loading = true;
  const after = document.querySelector("#strip").dataset.event;
  const answer = await fetch("/dash/jobs?after=" + after, { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer && (answer.redirected || answer.status === 401)) {
    location.reload();
    return;
  }
  const data = answer && answer.ok ? await answer.json().catch(() => null) : null;
  loading = false;
  if (data) adopt(data);
  else load(3000);
  // What happened meanwhile may not be in it.
  if (again) load(0);
  again = false;
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
  if (!table) {
    // Without jobs the page tells what to do next, which hangs on the workers.
    if (told !== data.workers_line) refresh();
    told = data.workers_line;
    return;
  }
  const same = JSON.stringify(workers) === JSON.stringify(data.workers);
  workers = data.workers;
  jobs = new Map(data.jobs.map((job) => [job.name, modelOf(job)]));
  if (!same) columnsAgain();
  for (const name of rows.keys()) if (!jobs.has(name)) rows.delete(name);
  for (const [name, tr] of rows) {
    if (tr.told !== jobs.get(name).told || tr.labels !== sameRow(jobs.get(name))) rows.delete(name);
    else dirty.add(name);
  }
  disordered = true;
  settle();
}

function columnsAgain() {
  columns = columnsOf(workers, ask.group);
  rows = new Map();
  const head = table.tHead.rows[0];
  for (const th of head.querySelectorAll(".place")) th.remove();
  head.querySelector(".last").before(...columns.map((column) => headCell(column, workers)));
  table.classList.remove("few", "some", "many");
  table.classList.add(columns.length <= 2 ? "few" : columns.length <= 6 ? "some" : "many");
}

// ---- what is painted -----------------------------------------------------------

function row(job) {
  let tr = rows.get(job.name);
  if (!tr) {
    tr = rowOf(job, { columns, workers, admin });
    tr.told = job.told;
    tr.labels = sameRow(job);
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
  let room = limit;
  for (const [title, group] of shown.length ? grouped(shown, ask.group) : []) {
    if (room <= 0) break;
    const body = bodyOf(title);
    const head = title ? [headRow(title, counted(group), width)] : [];
    inOrder(body, [...head, ...group.slice(0, room).map(row)]);
    room -= group.length;
    bodies.push(body);
  }
  if (!shown.length) bodies.push(nothing(width));
  for (const body of [...table.tBodies]) if (!bodies.includes(body)) body.remove();
  inOrder(table, [table.tHead, ...bodies]);
  const found = { found: shown.length, n: jobs.size };
  setText(one("#shown"), t(shown.length < jobs.size ? "dash.shown_some" : "dash.shown_all", found));
  one("#clear").hidden = !(ask.q || ask.verdicts.size);
  one("#turns").replaceChildren();
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
    document.dispatchEvent(new CustomEvent("pangea:arranged"));
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

// The address follows the rows: at each key it takes the browser 5 to 10 ms.
let noting = null;

function want(changes) {
  const group = ask.group;
  ask = { ...ask, ...changes };
  limit = AT_ONCE;
  clearTimeout(noting);
  noting = setTimeout(() => history.replaceState(null, "", hrefOf(ask)));
  if (ask.group !== group && (ask.group === "region" || group === "region")) columnsAgain();
  arrange();
  document.dispatchEvent(new CustomEvent("pangea:arranged"));
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
  const watch = new IntersectionObserver((entries) => {
    if (!entries.at(-1).isIntersecting || limit >= shown.length) return;
    limit += 2 * AT_ONCE;
    arrange();
    again();
  }, { rootMargin: "800px" });
  // It tells of changes only; after more rows the end may still be in sight.
  function again() {
    watch.disconnect();
    watch.observe(one("#turns"));
  }
  again();
  document.addEventListener("pangea:arranged", again);
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

on("result", (result) => {
  const job = jobs.get(result.job);
  if (!job) return;
  if (takeResult(job, result, workers)) dirty.add(job.name);
  else soon(1000);
});
on("verdict", (said) => {
  const job = jobs.get(said.job);
  if (!job) return;
  takeVerdict(job, said);
  dirty.add(job.name);
  disordered = true;
  const verdict = verdictWord(job.verdict).toLowerCase();
  setText(one("#said"), t("dash.is_now", { job: job.name, verdict, reason: job.reason }).trim());
});
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
