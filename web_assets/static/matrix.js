// Which jobs are shown, in which order and groups: as pangea/web/matrix.py does it.

import { t } from "./text.js";
import { CELLS, VERDICTS } from "./words.js";

const ORDER = Object.keys(VERDICTS);
const SEVERITY = ["down", "degraded", "unknown", "lost", "up", "maintenance", "paused", "none"];
const rank = (verdict) => (ORDER.includes(verdict) ? ORDER.indexOf(verdict) : 99);

export const SORTS = ["worst", "name", "type", "since", "slow"];

export function askedOf(search) {
  const query = new URLSearchParams(search);
  const sort = query.get("sort");
  return {
    q: (query.get("q") || "").slice(0, 200).trim(),
    verdicts: new Set((query.get("verdict") || "").split(",").filter((verdict) => verdict in VERDICTS)),
    group: query.get("group") || "",
    sort: SORTS.includes(sort) ? sort : "worst",
  };
}

export function hrefOf(ask) {
  const said = new URLSearchParams();
  if (ask.q) said.set("q", ask.q);
  if (ask.verdicts.size) said.set("verdict", ORDER.filter((verdict) => ask.verdicts.has(verdict)).join(","));
  if (ask.group) said.set("group", ask.group);
  if (ask.sort !== "worst") said.set("sort", ask.sort);
  const text = said.toString();
  return text ? "/dash?" + text : "/dash";
}

function textOf(job) {
  return [job.name, job.type, job.target, job.verdict, job.reason, ...job.labels].join(" ").toLowerCase();
}

function has(job, words) {
  if (!words.length) return true;
  const text = textOf(job);
  return words.every((word) => (word.length > 1 && word[0] === "-" ? !text.includes(word.slice(1)) : text.includes(word)));
}

const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

const BY = {
  worst: (a, b) => rank(a.verdict) - rank(b.verdict) || byName(a, b),
  name: byName,
  type: (a, b) => (a.type < b.type ? -1 : a.type > b.type ? 1 : BY.worst(a, b)),
  since: (a, b) => (b.since || 0) - (a.since || 0) || byName(a, b),
  slow: (a, b) => (b.last || 0) - (a.last || 0) || byName(a, b),
};

export function chosen(jobs, ask) {
  const words = ask.q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = jobs.filter((job) => (!ask.verdicts.size || ask.verdicts.has(job.verdict)) && has(job, words));
  return found.sort(BY[ask.sort]);
}

// [title, jobs] in the order of the first job of each
export function grouped(jobs, group) {
  if (!group || group === "region") return [["", jobs]];
  const found = new Map();
  for (const job of jobs) {
    const title = heading(job, group);
    if (!found.has(title)) found.set(title, []);
    found.get(title).push(job);
  }
  return [...found];
}

function heading(job, group) {
  if (group === "type") return job.type;
  const key = group.slice("label:".length);
  return job.labels.find((label) => label.startsWith(key + "=")) || t("dash.no_label", { key });
}

export function counted(jobs) {
  const numbers = Object.fromEntries(ORDER.map((verdict) => [verdict, 0]));
  for (const job of jobs) if (job.verdict in numbers) numbers[job.verdict] += 1;
  return numbers;
}

// The columns: each worker, or each region with its workers; by their numbers.
export function columnsOf(workers, group) {
  if (group !== "region") return workers.map(([name], number) => ({ name, members: [number] }));
  const found = new Map();
  workers.forEach(([, region], number) => {
    if (!found.has(region)) found.set(region, { name: region, members: [] });
    found.get(region).members.push(number);
  });
  return [...found.values()];
}

const severity = (cell) => SEVERITY.indexOf(CELLS[cell.state][1]);

// What stands in a column: of a region the worst that is said there.
export function cellIn(job, column) {
  let worst = null;
  for (const number of column.members) {
    const cell = job.cells.get(number);
    if (cell && (worst === null || severity(cell) < severity(worst))) worst = cell;
  }
  return worst;
}
