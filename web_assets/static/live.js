// One stream of events keeps the page true; at most two changes of it a second.
// What comes from outside is only ever put in as text.

import { CELLS, VERDICTS, age, ms, safe, sparkline } from "./words.js";

const FLUSH_MS = 500;
const SPARK_POINTS = 30;
const GOOD = new Set(["ok", "warn"]);
const strip = document.querySelector("#strip");
const only = strip.dataset.only;
// The coordinator's clock counts, not the browser's.
const offset = Date.parse(strip.dataset.now) - Date.now();
const now = () => Date.now() + offset;

let lastHeard = now();
let connected = false;
let reloadAt = 0;
let flushing = null;
const waiting = new Map();

const one = (selector) => document.querySelector(selector);
const rowOf = (job) => one(`tr[data-job="${CSS.escape(job)}"]`);
const setText = (node, text) => {
  if (node && node.textContent !== text) node.textContent = text;
};

// ---- changes to the page -------------------------------------------------

function badge(node, [glyph, word], css) {
  node.className = "badge v-" + css;
  setText(node.querySelector(".glyph"), glyph);
  setText(node.querySelector(".word"), word);
}

function showVerdict({ job, verdict, reason, at }) {
  const row = rowOf(job);
  if (!row || !(verdict in VERDICTS)) return;
  row.dataset.verdict = verdict;
  badge(row.querySelector(".verdict .badge"), VERDICTS[verdict], verdict);
  const time = row.querySelector(".since time");
  if (time && at) {
    time.dateTime = at;
    time.title = at;
  }
  setText(one("#said"), safe(`${job} is ${verdict}. ${reason || ""}`));
}

function showResult(result) {
  const row = rowOf(result.job);
  if (!row) return;
  const cell = row.querySelector(`[data-worker="${CSS.escape(result.worker)}"] .cell`);
  const warned = result.outcome === "ok" && (result.flags || []).includes("warn");
  const [glyph, word, css] = CELLS[warned ? "warn" : result.outcome] || CELLS.error;
  if (cell) {
    const parts = [`${result.worker}: ${word}`, ms(result.duration_ms)];
    if (result.reason) parts.push([result.reason, result.detail].filter(Boolean).join(": "));
    const said = safe(parts.join(" · "));
    cell.className = "cell v-" + css;
    setText(cell, glyph);
    cell.title = said;
    cell.setAttribute("aria-label", said);
  }
  if (result.outcome === "error") return;
  // How long a failure took says nothing of how fast the target is.
  if (GOOD.has(result.outcome)) setText(row.querySelector(".last"), ms(result.duration_ms));
  else if (!row.querySelector(".cell.v-up, .cell.v-degraded")) {
    setText(row.querySelector(".last"), ms(null));
  }
  // What could not be stored yet comes again.
  if (!result.provisional) grow(row.querySelector(".spark"), result);
}

function grow(spark, result) {
  const values = spark.dataset.values ? spark.dataset.values.split(",") : [];
  values.push(GOOD.has(result.outcome) ? String(result.duration_ms) : "x");
  const kept = values.slice(-SPARK_POINTS);
  spark.dataset.values = kept.join(",");
  draw(spark, sparkline(kept));
}

function draw(spark, line) {
  if (spark.textContent === line) return;
  spark.replaceChildren(...(line.match(/×+|[^×]+/g) || []).map((part) => {
    if (part[0] !== "×") return document.createTextNode(part);
    const failed = document.createElement("span");
    failed.className = "v-down";
    failed.textContent = part;
    return failed;
  }));
}

function count() {
  const numbers = { down: 0, degraded: 0, unknown: 0, up: 0, maintenance: 0, paused: 0 };
  const rows = document.querySelectorAll("tr[data-verdict]");
  if (!rows.length) return;
  for (const row of rows) numbers[row.dataset.verdict] += 1;
  for (const item of document.querySelectorAll(".counts li")) {
    const number = numbers[item.dataset.verdict];
    setText(item.querySelector(".number"), String(number));
    item.classList.toggle("none", number === 0);
  }
  document.title = numbers.down ? `(${numbers.down}✖) Pangea` : "Pangea";
  one("#icon").href = `/static/icon-${Object.keys(numbers).find((v) => numbers[v]) || "up"}.svg`;
}

// ---- what came in --------------------------------------------------------

function flush() {
  flushing = null;
  for (const event of waiting.values()) event();
  waiting.clear();
  if (!only) count();
}

function later(key, change) {
  waiting.set(key, change);
  if (flushing === null) flushing = setTimeout(flush, FLUSH_MS);
}

let serial = 0;
const HEARD = {
  verdict(data) {
    later("v" + data.job, () => showVerdict(data));
    if (!only || data.job === only) reload(1500);
  },
  result(data) {
    if (only) {
      if (data.job === only) reload(2000);
      return;
    }
    later("r" + (serial += 1), () => showResult(data));
  },
  worker: () => reload(500),
  trouble: () => reload(500),
  job(data) {
    if (!only || data.job === only) reload(200);
  },
  resync: () => reload(200),
};

function listen() {
  const stream = new EventSource("/api/v1/events");
  stream.addEventListener("open", () => {
    // Also at first: something may have happened since the page was drawn.
    if (!connected) reload(0);
    connected = true;
    document.body.classList.remove("is-stale");
    one("#stale").hidden = true;
    setText(one("#live"), "● live");
  });
  stream.addEventListener("error", () => lost(stream));
  for (const kind of Object.keys(HEARD)) {
    stream.addEventListener(kind, (event) => {
      lastHeard = now();
      HEARD[kind](JSON.parse(event.data));
    });
  }
}

function lost(stream) {
  if (connected) {
    connected = false;
    const at = new Date(lastHeard).toISOString().slice(11, 19);
    setText(one("#stale"), `✖ connection lost, data from ${at} UTC`);
    one("#stale").hidden = false;
    document.body.classList.add("is-stale");
    setText(one("#live"), "✖ not live");
  }
  // A browser gives up after an answer such as 401 or 503: then we ask again.
  if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
}

// ---- the table again, as the coordinator draws it ------------------------

function reload(inMs) {
  const at = Date.now() + inMs;
  if (reloadAt && reloadAt <= at) return;
  reloadAt = at;
  setTimeout(fetchAgain, inMs);
}

// Nothing jumps under a moving pointer, the focus or a selection.
let movedAt = 0;
document.addEventListener("pointermove", (event) => {
  if (event.target.closest("#jobs")) movedAt = Date.now();
}, { passive: true });

const busy = () => Date.now() - movedAt < 3000
  || one("#jobs").contains(document.activeElement)
  || !getSelection().isCollapsed;

// A refused form stands at the address it was posted to, which draws nothing.
function drawnAt() {
  if (only) return "/jobs/" + encodeURIComponent(only);
  return location.pathname === "/jobs" ? "/dash" : location.pathname;
}

let retry = null;

function fetchAgain() {
  if (Date.now() < reloadAt - 50) return;
  reloadAt = 0;
  if (document.hidden || busy()) {
    clearTimeout(retry);
    retry = setTimeout(() => reload(0), 1000);
    return;
  }
  const request = new XMLHttpRequest();
  request.open("GET", drawnAt());
  request.responseType = "document";
  request.addEventListener("load", () => {
    if (request.status !== 200 || request.responseURL.includes("/login")) {
      location.reload();
      return;
    }
    takeOver(request.response);
  });
  request.send();
}

function takeOver(page) {
  for (const selector of ["#jobs", "#trouble", "#workers-line", ".counts", ".jobhead h1"]) {
    const fresh = page.querySelector(selector);
    if (!fresh || !one(selector)) continue;
    for (const unfolded of document.querySelectorAll(`${selector} details[id]`)) {
      const again = fresh.querySelector(`#${CSS.escape(unfolded.id)}`);
      if (again) again.open = unfolded.open;
    }
    one(selector).replaceWith(document.adoptNode(fresh));
  }
  document.title = page.title;
  one("#icon").href = page.querySelector("#icon").getAttribute("href");
  lastHeard = now();
  tick();
}

// ---- time goes on --------------------------------------------------------

function tick() {
  setText(one("#clock"), new Date(now()).toISOString().slice(11, 19));
  for (const time of document.querySelectorAll("#jobs time:not([data-clock])")) {
    setText(time, age((now() - Date.parse(time.dateTime)) / 1000));
  }
}

setInterval(tick, 1000);
listen();
