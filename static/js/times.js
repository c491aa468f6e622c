/** Relative times keep counting; the exact time on hover is in the viewer's zone. */
const UNITS = [
  [60, 1, "s"],
  [3600, 60, "min"],
  [86400, 3600, "h"],
  [Infinity, 86400, "d"],
];
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** Says how long ago in one unit, as the server does: "now", "12 s ago", "in 3 min". */
export function relative(time, now = Date.now()) {
  const seconds = Math.round((now - time) / 1000);
  const distance = Math.abs(seconds);
  if (distance < 2) return "now";
  const [, size, name] = UNITS.find(([limit]) => distance < limit);
  const text = `${Math.floor(distance / size)} ${name}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

function refresh(root = document) {
  for (const element of root.querySelectorAll("time[data-relative]")) {
    const time = new Date(element.dateTime);
    const text = relative(time);
    if (element.textContent !== text) element.textContent = text;
    if (!element.dataset.localised) {
      element.title = EXACT.format(time);
      element.dataset.localised = "yes";
    }
  }
}

export function startTimes() {
  refresh();
  setInterval(refresh, 1000);
  document.addEventListener("htmx:afterSwap", () => refresh());
}
