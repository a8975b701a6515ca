// What the dashboard knows of a job, and how what happens changes it.

import { now } from "./live.js";
import { safe } from "./words.js";

const BEATS = 12;
const LETTERS = { ok: "o", warn: "w", failed: "f", error: "e" };
const GOOD = new Set(["ok", "warn"]);

// A job as /dash/jobs tells it, with its cells by the numbers of the workers.
export function modelOf(job) {
  const cells = new Map(job.cells.map(([worker, state, ms, at, why, beats]) =>
    [worker, { worker, state, ms, at, why, beats, counted: at || 0 }]));
  return { ...job, cells };
}

// What a row shows that never changes by itself.
export const sameRow = (job) => [job.type, job.target, job.fail].join("\n");

function cellOf(job, result, workers) {
  const number = job.told ? -1 : workers.findIndex(([name]) => name === result.worker);
  if (number < 0 && !job.told) return null;
  if (!job.cells.has(number)) job.cells.set(number, { worker: number, beats: "", at: 0, counted: 0 });
  return job.cells.get(number);
}

// Takes a result; false if it is of a worker that is not known yet.
export function takeResult(job, result, workers) {
  // What was under way when it was stopped comes a moment later.
  if (job.verdict === "paused") return true;
  const cell = cellOf(job, result, workers);
  if (!cell) return false;
  if (cell.state === "stopped") return true;
  const at = Date.parse(result.started_at) / 1000;
  const warned = result.outcome === "ok" && (result.flags || []).includes("warn");
  const state = warned ? "warn" : result.outcome in LETTERS ? result.outcome : "error";
  // What could not be stored yet comes again.
  if (!result.provisional && at > cell.counted) {
    cell.counted = at;
    cell.beats = (cell.beats + LETTERS[state]).slice(-BEATS);
  }
  if (at < cell.at) return true;
  const why = [result.reason, result.detail].filter(Boolean).join(": ");
  Object.assign(cell, { state, at, ms: result.duration_ms, why: safe(why) });
  // How long a failure took says nothing of how fast the target is.
  if (GOOD.has(state)) job.last = result.duration_ms;
  else if (![...job.cells.values()].some((other) => GOOD.has(other.state))) job.last = null;
  return true;
}

export function takeVerdict(job, { verdict, reason, at }) {
  job.verdict = verdict;
  job.reason = verdict === "up" || verdict === "paused" ? "" : safe(reason || "");
  job.since = Date.parse(at) / 1000 || now() / 1000;
}
