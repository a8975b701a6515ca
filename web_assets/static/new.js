// The form of a job: options follow the type, the price and the command follow what
// is typed, and a try asks the workers once.

import { t } from "./text.js";
import { CELLS, cellWord, ms, safe } from "./words.js";

const one = (selector) => document.querySelector(selector);
const form = one("#new-form") || one("form[data-job-form]");
const job = form.dataset.job || "";
const WAIT_MS = 400;

// ---- what is typed, as the API takes it ----------------------------------------

const typed = (name) => (form.elements[name] ? String(form.elements[name].value).trim() : "");

function lines(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

function optionOf(field) {
  const value = field.value.trim();
  if (!value || value === field.dataset.default) return null;
  const many = field.tagName === "TEXTAREA" && !["body", "client_cert"].includes(field.dataset.option);
  return many ? lines(field.value) : value;
}

function options() {
  const found = {};
  for (const field of form.querySelectorAll("[data-option]")) {
    const value = optionOf(field);
    if (value !== null) found[field.dataset.option] = value;
  }
  return found;
}

function labels() {
  const found = {};
  for (const line of lines(typed("labels").replaceAll(",", "\n"))) {
    const [key, ...rest] = line.split("=");
    if (rest.length) found[key.trim()] = rest.join("=").trim();
  }
  return found;
}

function places() {
  const on = typed("on");
  if (on === "other") return typed("on_text") || "all";
  if (on !== "only") return "all";
  return [...form.querySelectorAll("input[name=worker]:checked")].map((box) => box.value).join(",") || "all";
}

function seconds(text) {
  const sizes = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, "": 1 };
  let sum = 0;
  for (const [, number, unit] of text.replaceAll(" ", "").matchAll(/([\d.]+)(ms|[smhd]?)/g)) sum += Number(number) * sizes[unit];
  return sum || null;
}

function spec() {
  let target = typed("target");
  const said = options();
  const type = typed("type") || form.dataset.type;
  // As dig writes it: one field for both is quicker to type.
  if (type === "dns" && target.includes("@")) {
    const [name, server] = target.split("@");
    target = name.trim();
    said.resolver = said.resolver || server.trim();
  }
  const found = { type, target, on: places(), options: said, labels: labels(), expect: typed("expect") || "ok", rule: typed("rule") };
  if (typed("name")) found.name = typed("name");
  if (typed("every")) found.interval_s = seconds(typed("every"));
  if (typed("timeout")) found.timeout_s = seconds(typed("timeout"));
  if (typed("depends_on")) found.depends_on = typed("depends_on").split(/[\s,]+/);
  if (Number(typed("slo"))) found.slo = Number(typed("slo"));
  return found;
}

// ---- the command that does the same ----------------------------------------------

const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`);

function secretNames() {
  return new Set([...form.querySelectorAll("[data-secret]")].map((field) => field.dataset.option));
}

function command(said) {
  const words = ["pangea", "job", job ? "edit" : "add", ...(job ? [job] : [said.type, said.target])];
  if (job) words.push("--target", said.target);
  if (said.name && said.name !== job) words.push("--name", said.name);
  if (typed("every")) words.push("--every", typed("every"));
  if (typed("timeout")) words.push("--timeout", typed("timeout"));
  if (said.on !== "all") words.push("--on", said.on);
  if (said.rule) words.push("--rule", said.rule);
  if (said.expect !== "ok") words.push("--expect", said.expect);
  for (const name of said.depends_on || []) words.push("--depends-on", name);
  if (said.slo) words.push("--slo", String(said.slo));
  for (const [key, value] of Object.entries(said.labels)) words.push("--label", `${key}=${value}`);
  const hidden = secretNames();
  for (const [name, value] of Object.entries(said.options)) {
    const shown = hidden.has(name) ? "…" : Array.isArray(value) ? value.join(",") : value;
    words.push("--set", `${name}=${shown}`);
  }
  return words.map(quoted).join(" ");
}

let waiting = null;
let asked = 0;

function changed() {
  const said = spec();
  const line = one("#line");
  line.hidden = !said.target;
  line.querySelector("code").textContent = said.target ? command(said) : "";
  clearTimeout(waiting);
  if (said.target && !job) waiting = setTimeout(() => price(said), WAIT_MS);
}

async function price(said) {
  const number = (asked += 1);
  const answer = await post("/api/v1/jobs?dry_run=true", said);
  const told = await answer.json();
  if (number !== asked) return;
  const place = one("#price");
  // What was refused is said once.
  if (one("#new-why")) one("#new-why").remove();
  place.classList.toggle("error", !answer.ok);
  place.textContent = answer.ok
    ? `● ${told.job.name} ${told.cost.words}`
    : `✖ ${safe(told.detail)}${told.hint ? ` (${safe(told.hint)})` : ""}`;
}

function post(path, body) {
  return fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

// ---- the options of another type ---------------------------------------------------

// What is typed for a type is typed for the next one too, as far as it has that.
async function changeType(type) {
  const path = `/new?type=${encodeURIComponent(type)}`;
  const page = await pageOf(path);
  if (!page || !page.querySelector("#of-type")) {
    location.assign(path);
    return;
  }
  const kept = [...form.querySelectorAll("#of-type [name]")].filter((field) => !field.dataset.option).map(state);
  one("#of-type").replaceWith(document.adoptNode(page.querySelector("#of-type")));
  for (const [name, value, checked] of kept) {
    for (const field of form.querySelectorAll(`#of-type [name="${CSS.escape(name)}"]`)) {
      if (field.type === "radio" || field.type === "checkbox") field.checked = field.value === value ? checked : field.checked;
      else field.value = value;
    }
  }
  if (one("#try")) one("#try").hidden = type === "heartbeat";
  one("#tries").replaceChildren();
  changed();
}

const state = (field) => [field.name, field.value, field.checked];

// Markup is only ever read by the browser's own loader, never put together here.
function pageOf(path) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", path);
    request.responseType = "document";
    request.addEventListener("loadend", () => resolve(request.response));
    request.send();
  });
}

// ---- to try it once ------------------------------------------------------------------

function cell(name, text, css) {
  const made = document.createElement(name);
  if (css) made.className = css;
  made.textContent = text;
  return made;
}

function resultRow(line) {
  const state = line.outcome in CELLS ? line.outcome : "error";
  const warned = state === "ok" && (line.flags || []).includes("warn");
  const [glyph, css] = CELLS[warned ? "warn" : state];
  const row = document.createElement("tr");
  const worker = cell("th", safe(line.worker));
  worker.scope = "row";
  const says = document.createElement("td");
  says.append(cell("span", `${glyph} ${cellWord(warned ? "warn" : state)}`, "badge v-" + css));
  const why = line.refused || [line.reason, line.detail].filter(Boolean).join(": ");
  row.append(worker, says, cell("td", ms(line.duration_ms), "num"), cell("td", safe(why), "outside"));
  return row;
}

function tableOf() {
  const table = cell("table", "", "tried");
  const head = table.createTHead().insertRow();
  for (const name of ["worker", "says", "took", "why"]) {
    const th = cell("th", t("new.col_" + name), name === "took" ? "num" : "");
    th.scope = "col";
    head.append(th);
  }
  table.createTBody();
  return table;
}

async function tryOnce(button) {
  const place = one("#tries");
  const said = spec();
  if (!said.target) {
    place.replaceChildren(cell("p", t("new.no_target"), "error"));
    one("#target").focus();
    return;
  }
  const from = said.on === "all" || said.on.includes(":") ? "all" : said.on.split(",");
  button.disabled = true;
  place.replaceChildren(cell("p", t("new.trying"), "dim"));
  try {
    const body = { type: said.type, target: said.target, options: said.options, expect: said.expect, from };
    await told(await post("/api/v1/probes", body), place);
  } catch (error) {
    place.replaceChildren(cell("p", t("new.try_failed", { why: safe(error.message) }), "error"));
  } finally {
    button.disabled = false;
  }
}

// One line of JSON for each worker, as it comes.
async function told(answer, place) {
  if (!answer.ok) {
    const problem = await answer.json();
    throw new Error([problem.detail, problem.hint].filter(Boolean).join("; "));
  }
  const table = tableOf();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    rest += value || "";
    const parts = rest.split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) table.tBodies[0].append(resultRow(JSON.parse(part)));
    if (table.tBodies[0].rows.length) place.replaceChildren(table);
    if (done) return;
  }
}

form.addEventListener("input", (event) => {
  if (event.target.name !== "type") changed();
});
form.addEventListener("change", (event) => {
  if (event.target.name === "type") changeType(event.target.value);
  else changed();
});
if (one("#try")) {
  one("#try").addEventListener("click", (event) => {
    event.preventDefault();
    tryOnce(event.target);
  });
}
if (one("#new-why")) one("#target").select();
else if (typed("target")) changed();
else one("#target").focus();
