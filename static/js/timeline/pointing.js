/** Pointer, wheel and keys on the timeline: hover tells, click selects, drag zooms. */
import { say } from "../copy.js";
import { node } from "./draw.js";

const DRAG = 6;

function markAt(timeline, target) {
  const { index, operation } = target.dataset ?? {};
  if (operation !== undefined) return timeline.data.operations[operation];
  return index === undefined ? null : timeline.data.marks[index];
}

function showTip(timeline, mark, describe) {
  const tip = timeline.root.querySelector(".tip");
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = describe(mark);
  const x = timeline.scale.x(mark.t);
  const room = timeline.root.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(4, Math.min(room, x + 14))}px`;
  tip.style.top = `${46 * mark.lane + 68}px`;
}

function startHover(timeline, describe) {
  timeline.root.addEventListener("pointerover", (event) => {
    showTip(timeline, markAt(timeline, event.target), describe);
  });
  timeline.root.addEventListener("pointerleave", () => showTip(timeline, null, describe));
}

function startBrush(timeline) {
  const svg = timeline.root.querySelector("svg");
  let from = null;
  let brush = null;
  const place = (event) => event.clientX - svg.getBoundingClientRect().left;
  svg.addEventListener("pointerdown", (event) => {
    from = event.button === 0 && timeline.data ? place(event) : null;
  });
  svg.addEventListener("pointermove", (event) => {
    if (from === null || Math.abs(place(event) - from) < DRAG) return;
    if (!brush) {
      brush = svg.appendChild(node("rect", { class: "brush", y: 0, height: timeline.height }));
      svg.setPointerCapture(event.pointerId);
    }
    brush.setAttribute("x", Math.min(from, place(event)));
    brush.setAttribute("width", Math.abs(place(event) - from));
  });
  svg.addEventListener("pointerup", (event) => {
    if (brush) zoomTo(timeline, from, place(event));
    else if (from !== null) choose(timeline, markAt(timeline, event.target), event.shiftKey);
    brush?.remove();
    [from, brush] = [null, null];
  });
}

function zoomTo(timeline, one, other) {
  const [from, to] = [one, other].map(timeline.scale.time).sort((a, b) => a - b);
  timeline.zoom(from, to + 1);
}

function choose(timeline, mark, compare) {
  if (mark?.url) location.assign(mark.url);
  else if (mark) timeline.select(mark, compare);
}

function startWheel(timeline) {
  let waiting = null;
  timeline.root.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !timeline.data) return;
    event.preventDefault();
    clearTimeout(waiting);
    waiting = setTimeout(() => zoomBy(timeline, event.deltaY > 0 ? 2 : 0.5), 60);
  }, { passive: false });
}

function zoomBy(timeline, factor) {
  const { from, to } = timeline.data;
  const half = ((to - from) / 2) * factor;
  const middle = (from + to) / 2;
  timeline.zoom(middle - half, middle + half);
}

function startArrows(timeline, describe) {
  const svg = timeline.root.querySelector("svg");
  let at = -1;
  const point = (step) => {
    const marks = timeline.data.marks;
    at = Math.max(0, Math.min(marks.length - 1, at < 0 ? marks.length - 1 : at + step));
    svg.querySelector(".pointed")?.classList.remove("pointed");
    svg.querySelector(`[data-index="${at}"]`)?.classList.add("pointed");
    showTip(timeline, marks[at], describe);
    if (marks[at]) say(describe(marks[at]));
  };
  const actions = {
    ArrowLeft: () => point(-1),
    ArrowRight: () => point(1),
    Enter: (event) => choose(timeline, timeline.data.marks[at], event.shiftKey),
    "+": () => zoomBy(timeline, 0.5),
    "-": () => zoomBy(timeline, 2),
    0: () => timeline.zoom(null, null),
  };
  svg.addEventListener("keydown", (event) => {
    if (!timeline.data || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key](event);
  });
}

export function startPointing(timeline, describe) {
  startHover(timeline, describe);
  startBrush(timeline);
  startWheel(timeline);
  startArrows(timeline, describe);
}
