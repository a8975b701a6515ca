// A row of the matrix as the server draws it (templates/_jobs.html), and kept true.

import { cellIn } from "./matrix.js";
import { now, setText } from "./live.js";
import { t } from "./text.js";
import { BEATS, CELLS, VERDICTS, age, cellWord, ms, safe, verdictWord } from "./words.js";
import { momentOf, zoneName } from "./zone.js";

function node(name, css, text) {
  const made = document.createElement(name);
  if (css) made.className = css;
  if (text) made.textContent = text;
  return made;
}

export const hrefOf = (name) => "/jobs/" + encodeURIComponent(name);

export function cellTitle(column, cell, workers) {
  if (!cell) return `${column.name}: ${cellWord("none")}`;
  const [worker] = workers[cell.worker] || [""];
  const parts = [`${worker}: ${cellWord(cell.state)}`];
  if (cell.ms !== null) parts.push(ms(cell.ms));
  if (cell.why) parts.push(cell.why);
  if (cell.at) parts.push(t("dash.ago", { ago: age(now() / 1000 - cell.at) }));
  const said = parts.join(" · ");
  return worker === column.name ? said : `${column.name} · ${said}`;
}

function paintBeats(span, beats) {
  if (span.beats === beats) return;
  span.beats = beats;
  const runs = beats.match(/(.)\1*/g) || [];
  span.replaceChildren(...runs.map((run) => {
    const [drawn, css] = BEATS[run[0]] || BEATS.e;
    return node("span", "v-" + css, drawn.repeat(run.length));
  }));
}

function paintCell(td, column, cell, workers, name) {
  const [glyph, css] = CELLS[cell ? cell.state : "none"];
  const link = td.firstChild;
  link.className = "cell v-" + css;
  setText(link, glyph);
  const worker = cell ? workers[cell.worker][0] : column.name;
  link.href = `${hrefOf(name)}#w-${encodeURIComponent(worker)}`;
  link.title = safe(cellTitle(column, cell, workers), 600);
  link.setAttribute("aria-label", link.title);
  paintBeats(td.lastChild, cell ? cell.beats : "");
}

function paintTold(td, job) {
  const [cell] = job.cells.values();
  const link = td.firstChild;
  link.className = "cell v-" + job.verdict;
  setText(link, VERDICTS[job.verdict] || "?");
  const said = cell && cell.at ? t("dash.told_ago", { ago: age(now() / 1000 - cell.at) }) : t("dash.told_never");
  link.href = hrefOf(job.name);
  link.title = said;
  link.setAttribute("aria-label", said);
  paintBeats(td.children[1], cell ? cell.beats : "");
  setText(td.children[2], said);
}

function emptyCell(job, columns) {
  const td = node("td", job.told ? "place told" : "place");
  const beats = node("span", "beats");
  beats.setAttribute("aria-hidden", "true");
  td.append(node("a", "cell"), beats);
  if (job.told) {
    td.colSpan = columns.length || 1;
    td.append(node("span", "said dim"));
  }
  return td;
}

function pick(job) {
  const td = node("td", "pick");
  const box = node("input");
  box.type = "checkbox";
  box.name = "job";
  box.value = job.name;
  box.setAttribute("form", "bulk");
  box.setAttribute("aria-label", t("dash.pick_one", { name: job.name }));
  td.append(box);
  return td;
}

function action(job) {
  const td = node("td", "act");
  const form = node("form");
  const back = node("input");
  const button = node("button", "quiet");
  form.method = "post";
  back.type = "hidden";
  back.name = "back";
  back.value = "dash";
  form.append(back, button);
  td.append(form);
  return td;
}

function title(job) {
  const th = node("th", "job");
  th.scope = "row";
  const link = node("a", "", job.name);
  link.href = hrefOf(job.name);
  const target = node("span", "target dim outside");
  target.append(node("b", "", job.type), " " + job.target);
  if (job.fail) target.append(" ", node("span", "chip", t("dash.expects_fail")));
  th.append(link, " ", target);
  return th;
}

function reasonOf(th, job) {
  let span = th.querySelector(".reason");
  if (!job.reason) {
    if (span) span.remove();
    return;
  }
  if (!span) th.append(span = node("span", "reason outside"));
  setText(span, job.reason);
  span.title = job.reason;
}

// The row of *job*, with its parts at hand; painted as the job is now.
export function rowOf(job, { columns, workers, admin }) {
  const tr = node("tr");
  tr.setAttribute("data-row", "");
  tr.dataset.job = job.name;
  const verdict = node("td", "verdict");
  const badge = node("span", "badge");
  const glyph = node("span", "glyph");
  glyph.setAttribute("aria-hidden", "true");
  badge.append(glyph, " ", node("span", "word"));
  verdict.append(badge);
  const last = node("td", "num last");
  last.dataset.label = t("dash.label_last");
  const since = node("td", "num since");
  since.dataset.label = t("dash.label_since");
  const cells = job.told ? [emptyCell(job, columns)] : columns.map(() => emptyCell(job, columns));
  columns.forEach((column, at) => { if (!job.told) cells[at].dataset.worker = column.name; });
  tr.parts = { badge, last, since, cells, th: title(job), act: admin ? action(job) : null };
  tr.append(...(admin ? [pick(job)] : []), verdict, tr.parts.th, ...cells, last, since, ...(admin ? [tr.parts.act] : []));
  paint(tr, job, columns, workers);
  return tr;
}

export function paint(tr, job, columns, workers) {
  const { badge, last, since, cells, th, act } = tr.parts;
  tr.dataset.verdict = job.verdict;
  badge.className = "badge v-" + job.verdict;
  setText(badge.firstChild, VERDICTS[job.verdict] || "?");
  setText(badge.lastChild, verdictWord(job.verdict));
  reasonOf(th, job);
  if (job.told) paintTold(cells[0], job);
  else columns.forEach((column, at) => paintCell(cells[at], column, cellIn(job, column), workers, job.name));
  setText(last, ms(job.last));
  paintSince(since, job);
  if (act) paintAction(act, job);
}

function paintSince(td, job) {
  if (!job.since) {
    td.replaceChildren();
    return;
  }
  const time = td.firstChild || td.appendChild(node("time"));
  const iso = new Date(job.since * 1000).toISOString();
  if (time.dateTime === iso) return;
  time.dateTime = iso;
  time.title = `${momentOf(job.since * 1000)} ${zoneName()}`;
  setText(time, age(now() / 1000 - job.since));
}

function paintAction(td, job) {
  const does = job.runs ? "stop" : "start";
  const button = td.querySelector("button");
  td.firstChild.action = `${hrefOf(job.name)}/${does}`;
  setText(button, t("dash." + does));
  button.setAttribute("aria-label", t(`dash.${does}_one`, { name: job.name }));
}

export function headRow(name, numbers, width) {
  const tr = node("tr", "head");
  const th = node("th");
  th.colSpan = width;
  th.scope = "rowgroup";
  th.append(node("span", "title outside", name), " ");
  for (const [verdict, number] of Object.entries(numbers)) {
    if (!number) continue;
    const span = node("span", "v-" + verdict);
    const glyph = node("span", "", VERDICTS[verdict]);
    glyph.setAttribute("aria-hidden", "true");
    span.append(glyph, ` ${number} `, node("span", "sr", verdictWord(verdict)));
    th.append(span, " ");
  }
  tr.append(th);
  return tr;
}

export function headCell(column, workers) {
  const known = column.members.map((number) => workers[number]).filter(([, , said]) => said);
  const gone = known.length && !known.some(([, , , here]) => here);
  const th = node("th", gone ? "place gone" : "place");
  th.scope = "col";
  th.title = known.map(([, , said]) => said).join("; ").slice(0, 300) || column.name;
  th.append(node("span", "", column.name));
  return th;
}
