// What every page gets: keys, copy buttons, and the form that opens in place.

const one = (selector) => document.querySelector(selector);
document.documentElement.classList.add("with-js");

function openForm(open) {
  const form = one("#new");
  if (!form) return;
  form.hidden = !open;
  one("#new-open").setAttribute("aria-expanded", String(open));
  if (open) one("#target").focus();
  else one("#new-open").focus();
}

function formInPlace() {
  const opener = one("#new-open");
  if (!opener || !one("#new")) return;
  opener.setAttribute("role", "button");
  opener.setAttribute("aria-controls", "new");
  opener.setAttribute("aria-expanded", String(!one("#new").hidden));
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    openForm(one("#new").hidden);
  });
  one("#new-close").addEventListener("click", (event) => {
    event.preventDefault();
    openForm(false);
  });
  if (!one("#new").hidden) one("#target").focus();
}

function copyButtons() {
  for (const command of document.querySelectorAll(".command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "[COPY]";
    button.addEventListener("click", () => copy(command.querySelector("code"), button));
    command.append(button);
  }
}

// Over plain HTTP there is no clipboard: the text is selected, to be copied by hand.
async function copy(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "[COPIED]";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "[SELECTED]";
  }
  setTimeout(() => { button.textContent = "[COPY]"; }, 2000);
}

const typing = (target) =>
  target.closest("input, textarea, select, [contenteditable]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && one("#new") && !one("#new").hidden) openForm(false);
  if (typing(event.target)) return;
  if (event.key === "w" && one("#starters")) one("#starters").requestSubmit();
  if (event.key === "n" && one("#new-open")) {
    event.preventDefault();
    openForm(true);
  }
});

formInPlace();
copyButtons();
