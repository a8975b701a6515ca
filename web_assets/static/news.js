// The lines above the matrix: the worst job, troubles, and what there is to look at.

import { now, setText } from "./live.js";
import { t } from "./text.js";
import { VERDICTS, age, verdictWord } from "./words.js";

const one = (selector) => document.querySelector(selector);
const BAD = ["down", "degraded", "unknown"];

function node(name, css, text) {
  const made = document.createElement(name);
  if (css) made.className = css;
  if (text) made.textContent = text;
  return made;
}

export function showNews({ workers_line: line, trouble, concerns }) {
  setText(one("#workers-line"), line);
  const said = JSON.stringify([trouble, concerns]);
  const box = one("#trouble");
  if (box.said === said || box.contains(document.activeElement)) return;
  const open = one("#concerns") !== null && one("#concerns").open;
  box.said = said;
  box.replaceChildren(...trouble.map((text) => {
    const banner = node("p", "banner", "▲ " + text);
    banner.setAttribute("role", "status");
    return banner;
  }));
  if (concerns.length) box.append(folded(concerns, open));
}

function about(concern) {
  return concern.about ? [node("b", "outside", concern.about), ": "] : [];
}

function folded(concerns, open) {
  const details = node("details", "concerns");
  details.id = "concerns";
  details.open = open;
  const summary = node("summary");
  const sign = node("span", "v-degraded", "▲");
  sign.setAttribute("aria-hidden", "true");
  const first = node("span", "outside");
  first.append(...about(concerns[0]), concerns[0].what);
  summary.append(sign, " " + t("dash.concerns", { n: concerns.length }) + " ", first);
  const list = node("ul");
  for (const concern of concerns) {
    const item = node("li");
    item.append(...about(concern), node("span", "outside", concern.what), node("br"), node("span", "dim outside", "→ " + concern.next));
    list.append(item);
  }
  details.append(summary, list);
  return details;
}

function worstOf(jobs) {
  const bad = [...jobs.values()].filter((job) => BAD.includes(job.verdict));
  bad.sort((a, b) => BAD.indexOf(a.verdict) - BAD.indexOf(b.verdict) || (a.name < b.name ? -1 : 1));
  return bad;
}

export function showWorstJob(jobs, numbers, hrefOf) {
  const line = one("#worst");
  const [job, ...others] = worstOf(jobs);
  const said = job ? [job.name, job.verdict, job.reason, job.since, others.length].join("\n") : "";
  if (line.said === said || line.contains(document.activeElement)) return;
  line.said = said;
  line.hidden = !job;
  if (!job) return;
  const badge = node("span", "badge v-" + job.verdict);
  const glyph = node("span", "", VERDICTS[job.verdict]);
  glyph.setAttribute("aria-hidden", "true");
  badge.append(glyph, " " + verdictWord(job.verdict));
  const link = node("a", "", job.name);
  link.href = hrefOf(job.name);
  line.replaceChildren(badge, " ", link, " ");
  if (job.since) {
    const time = node("time", "", age(now() / 1000 - job.since));
    time.dateTime = new Date(job.since * 1000).toISOString();
    line.append(time, " ");
  }
  line.append(node("span", "reason", job.reason));
  if (others.length) {
    const more = node("a", "dim", t("dash.first_more", { more: others.length }));
    more.href = "/dash?verdict=down,degraded,unknown";
    line.append(" ", more);
  }
}
