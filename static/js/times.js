/** Relative times keep counting; the exact time on hover is in the viewer's zone. */
const UNITS = [
  [60, 1, "s"],
  [3600, 60, "min"],
  [86400, 3600, "h"],
  [Infinity, 86400, "d"],
];
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });
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

function count() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = relative(new Date(element.dateTime));
    if (element.textContent !== text) element.textContent = text;
  }
}

function localise() {
  for (const element of document.querySelectorAll("time:not([data-localised])")) {
    const time = new Date(element.dateTime);
    element.title = EXACT.format(time);
    if ("clock" in element.dataset) element.textContent = CLOCK.format(time);
    element.dataset.localised = "yes";
  }
}

function refresh() {
  count();
  localise();
}

export function startTimes() {
  refresh();
  setInterval(count, 1000);
  document.addEventListener("htmx:afterSwap", refresh);
}
