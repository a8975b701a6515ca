// Moments as text, in UTC or in the zone of this browser, as chosen under VIEW.

import { t } from "./text.js";

const two = (number) => String(number).padStart(2, "0");
const isLocal = () => document.documentElement.dataset.zone === "local";

function parts(at) {
  const date = new Date(at);
  return isLocal()
    ? [date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()]
    : [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
}

export function clockOf(at) {
  return parts(at).slice(3).map(two).join(":");
}

export function momentOf(at) {
  const [year, month, day] = parts(at);
  return `${year}-${two(month)}-${two(day)} ${clockOf(at)}`;
}

export function zoneName() {
  if (!isLocal()) return t("base.utc");
  const said = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(new Date());
  return said.find((part) => part.type === "timeZoneName").value;
}
