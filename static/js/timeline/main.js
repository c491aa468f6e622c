/** The timeline: fetches buckets, draws them, and keeps the list beneath in step. */
import { say } from "../copy.js";
import { relative } from "../times.js";
import { draw } from "./draw.js";
import { startPointing } from "./pointing.js";
import { chooseAxis, makeScale } from "./scale.js";

const HOUR = 3600 * 1000;
const SPANS = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR };

class Timeline {
  constructor(root) {
    this.root = root;
    this.panel = root.closest("section");
    this.axis = null;
    this.range = readRange();
    this.selected = null;
    this.data = null;
  }

  async load() {
    const url = new URL(this.root.dataset.timeline, location.href);
    for (const side of ["from", "to"]) {
      if (this.range?.[side]) url.searchParams.set(side, Math.round(this.range[side]));
    }
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`The timeline answered ${answer.status}`);
    this.data = await answer.json();
    keepApart(this.data.marks);
    this.axis ??= chooseAxis(this.data, this.root.clientWidth);
    this.render();
  }

  render() {
    if (!this.data) return;
    this.scale = makeScale(this.data, this.axis, this.root.clientWidth);
    draw(this);
    this.showSwitches();
  }

  showSwitches() {
    for (const button of this.panel.querySelectorAll("[data-axis]")) {
      button.setAttribute("aria-pressed", String(button.dataset.axis === this.axis));
    }
    for (const button of this.panel.querySelectorAll("[data-span]")) {
      button.setAttribute("aria-pressed", String(button.dataset.span === (this.span ?? "all")));
    }
    this.panel.querySelector("[data-zoom-out]").hidden = !this.range || Boolean(this.span);
  }

  zoom(from, to, span = null) {
    this.range = from === null ? null : { from, to };
    this.span = span;
    writeRange(this.range);
    this.reload();
    this.stepList();
  }

  showSpan(span) {
    const length = SPANS[span];
    if (!length) return this.zoom(null, null);
    const now = Date.now();
    return this.zoom(now - length, now + 1000, span);
  }

  reload() {
    return this.load().catch((error) => say(error.message));
  }

  /** The list below shows the same stretch of time. */
  stepList() {
    const list = document.getElementById("rows");
    if (!list || !window.htmx) return;
    const url = new URL(list.dataset.rowsUrl, location.href);
    if (this.range) {
      url.searchParams.set("from", Math.round(this.range.from));
      url.searchParams.set("to", Math.round(this.range.to));
    }
    window.htmx.ajax("GET", url.pathname + url.search, { target: "#rows", swap: "innerHTML" });
  }

  select(mark, compare) {
    if (!mark.id) return this.zoom(mark.from, mark.to);
    if (compare && this.selected && this.selected !== mark.id) {
      return location.assign(`/checkpoints/${mark.id}/diff/?with=${this.selected}`);
    }
    this.selected = mark.id;
    this.showSelection(mark);
    return this.render();
  }

  showSelection(mark) {
    const line = this.panel.querySelector("[data-selection]");
    line.hidden = false;
    line.querySelector("[data-text]").textContent = describe(mark);
    line.querySelector("[data-open]").href = `/checkpoints/${mark.id}/`;
    line.querySelector("[data-restore]").href = `/checkpoints/${mark.id}/restore/`;
  }
}

/** One line about a mark, for the tip, the selection and screen readers. */
export function describe(mark) {
  if (mark.text) return `${mark.text} · ${relative(mark.t)}`;
  if (mark.n > 1) return `${mark.n.toLocaleString()} ${mark.kind} checkpoints · ${relative(mark.t)}`;
  const flags = [mark.head && "head", mark.pinned && "pinned", mark.state && [mark.state, mark.why].filter(Boolean).join(": ")].filter(Boolean);
  return [`#${mark.id}`, mark.label, mark.kind, ...flags, relative(mark.t)].join(" · ");
}

/** Saves of one millisecond get a place each in the sequence; by the clock nobody sees it. */
function keepApart(marks) {
  let last = -Infinity;
  for (const mark of [...marks].sort((a, b) => a.t - b.t)) {
    if (mark.t <= last) mark.t = last + 0.001;
    last = mark.t;
  }
}

function readRange() {
  const query = new URLSearchParams(location.search);
  const from = Number(query.get("from"));
  return from ? { from, to: Number(query.get("to")) || Date.now() } : null;
}

function writeRange(range) {
  const url = new URL(location.href);
  for (const side of ["from", "to"]) {
    if (range) url.searchParams.set(side, Math.round(range[side]));
    else url.searchParams.delete(side);
  }
  history.replaceState(history.state, "", url);
}

function startSwitches(timeline) {
  timeline.panel.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.span) timeline.showSpan(button.dataset.span);
    if ("zoomOut" in button.dataset) timeline.zoom(null, null);
    if (button.dataset.axis) {
      timeline.axis = button.dataset.axis;
      timeline.render();
    }
  });
}

export function startTimelines() {
  for (const root of document.querySelectorAll("[data-timeline]")) {
    const timeline = new Timeline(root);
    startSwitches(timeline);
    startPointing(timeline, describe);
    new ResizeObserver(() => timeline.render()).observe(root);
    document.addEventListener("holdfast:news", () => {
      if (!timeline.range && !root.matches(":hover")) timeline.reload();
    });
    timeline.reload();
  }
}
