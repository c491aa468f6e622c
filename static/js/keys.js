/** Keys on lists: j/k walk, Enter opens, x selects, d compares, r restores, f forks, / searches, ? helps. */
const TYPING = "input:not([type=checkbox]), textarea, select, [contenteditable]";

const rows = () => [...document.querySelectorAll("table[data-rows] tbody tr[data-href]")];
const present = () => document.querySelector("tr.cursor");

function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(present());
  const next = all[Math.min(all.length - 1, Math.max(0, at + step))];
  present()?.classList.remove("cursor");
  next.classList.add("cursor");
  next.querySelector("a").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function toggle() {
  const box = present()?.querySelector("input[name=pick]");
  if (box) box.click();
}

function mark(box) {
  box.closest("tr").setAttribute("aria-selected", String(box.checked));
  const picked = document.querySelectorAll("input[name=pick]:checked").length;
  const button = document.getElementById("compare-button");
  if (!button) return;
  button.disabled = picked !== 2;
  button.title = picked === 2 ? "" : "Select two checkpoints to compare them";
}

function compare() {
  const button = document.getElementById("compare-button");
  if (button && !button.disabled) button.click();
}

function restore() {
  const place = present()?.dataset.restore ?? document.querySelector("a[data-restore]")?.href;
  if (place) location.assign(place);
}

function fork() {
  const place = document.querySelector("a[data-fork]")?.href;
  if (place) location.assign(place);
}

const ACTIONS = {
  j: () => walk(1),
  k: () => walk(-1),
  x: toggle,
  d: compare,
  r: restore,
  f: fork,
  "/": () => document.querySelector("input[type=search]")?.focus(),
  "?": () => document.getElementById("keys").showModal(),
};

function wanted(event) {
  const other = event.ctrlKey || event.metaKey || event.altKey;
  return !other && !event.target.closest(TYPING) && !document.querySelector("dialog[open]");
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    const action = ACTIONS[event.key];
    if (!action || !wanted(event)) return;
    event.preventDefault();
    action();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("input[name=pick]")) mark(event.target);
  });
  for (const box of document.querySelectorAll("input[name=pick]")) mark(box);
}
