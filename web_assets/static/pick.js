// Ticking many jobs: what is ticked stays so while the list changes.

import { bind } from "./keys.js";
import { setText } from "./live.js";
import { t } from "./text.js";

// list: chosen() are the jobs that are listed now, all() every job by its name
export function picking(list) {
  const form = document.querySelector("#bulk");
  const picked = new Set();
  if (!form) return { show() {} };
  const all = form.querySelector("#pick-all");
  const table = document.querySelector("#matrix");

  function show(tr) {
    const box = tr.querySelector("input[name=job]");
    if (box) box.checked = picked.has(box.value);
  }

  function told() {
    setText(form.querySelector("#picked"), picked.size ? t("dash.picked", { n: picked.size }) : t("dash.pick_all"));
    form.classList.toggle("some", picked.size > 0);
    for (const button of form.querySelectorAll("button")) button.disabled = !picked.size;
    all.checked = picked.size > 0;
    all.indeterminate = picked.size > 0 && picked.size < list.chosen().length;
  }

  function again() {
    for (const tr of table.querySelectorAll("[data-row]")) show(tr);
    told();
  }

  all.addEventListener("change", () => {
    const empty = picked.size === 0;
    picked.clear();
    if (empty) for (const job of list.chosen()) picked.add(job.name);
    again();
  });
  table.addEventListener("change", ({ target }) => {
    if (target.name !== "job") return;
    if (target.checked) picked.add(target.value);
    else picked.delete(target.value);
    told();
  });
  // Rows that are not drawn now are sent all the same.
  form.addEventListener("submit", () => {
    for (const old of form.querySelectorAll("input[type=hidden]")) old.remove();
    const drawn = new Set([...table.querySelectorAll("input[name=job]")].map((box) => box.value));
    for (const name of picked) {
      if (drawn.has(name) || !list.all().has(name)) continue;
      const input = document.createElement("input");
      input.type = "hidden";
      input.name = "job";
      input.value = name;
      form.append(input);
    }
  });
  bind("x", "keys.pick", () => {
    const tr = document.activeElement.closest("[data-row]");
    if (tr) tr.querySelector("input[name=job]").click();
  });
  told();
  return { show };
}
