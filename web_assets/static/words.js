// Glyphs, words and numbers as pangea/web/words.py writes them.

import { t } from "./text.js";

// The worst first.
export const VERDICTS = {
  down: "✖",
  degraded: "▲",
  unknown: "○",
  up: "●",
  maintenance: "◇",
  paused: "◌",
};

export const CELLS = {
  ok: ["●", "up"],
  warn: ["▲", "degraded"],
  failed: ["✖", "down"],
  error: ["○", "unknown"],
  waiting: ["…", "unknown"],
  lost: ["○", "lost"],
  suspect: ["○", "lost"],
  sick: ["○", "unknown"],
  maintenance: ["◇", "maintenance"],
  moving: ["→", "unknown"],
  stopped: ["◌", "paused"],
  refused: ["⊗", "unknown"],
  absent: ["⊗", "unknown"],
  none: ["·", "none"],
};

export const BEATS = { o: ["▂", "up"], w: ["▅", "degraded"], f: ["█", "down"], e: ["·", "unknown"] };

export const verdictWord = (verdict) => (verdict in VERDICTS ? t("words." + verdict) : verdict.toUpperCase());
export const cellWord = (state) => t("words.cell_" + state);

// Control, format and private characters come out as escapes, as core/text.py does.
export function safe(text, limit = 300) {
  const shown = String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, (char) =>
    "\\u" + char.codePointAt(0).toString(16).padStart(4, "0"));
  return shown.length > limit ? shown.slice(0, limit - 1) + "…" : shown;
}

export function ms(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value >= 1000) return short(value / 1000) + " s";
  return (value >= 100 ? value.toFixed(0) : short(value)) + " ms";
}

const short = (value) => String(Number(value.toPrecision(3)));

export function age(seconds) {
  let rest = Math.max(Math.floor(seconds), 0);
  const words = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count) words.push(count + unit);
  }
  return words.slice(0, 2).join("") || "0s";
}
