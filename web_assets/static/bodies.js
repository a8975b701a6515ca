// The parts of the matrix that hold rows, put in order without needless moves.

import { t } from "./text.js";

const drawn = new Map();

export function bodyOf(title) {
  if (!drawn.has(title)) drawn.set(title, document.createElement("tbody"));
  return drawn.get(title);
}

// Makes *nodes* the children of *parent*; what stands right stays untouched.
export function inOrder(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

export function nothing(width) {
  const body = document.createElement("tbody");
  const tr = body.insertRow();
  tr.className = "empty";
  const td = tr.insertCell();
  td.colSpan = width;
  td.textContent = t("dash.nothing_found");
  return body;
}
