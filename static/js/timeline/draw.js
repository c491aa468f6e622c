/** Draws the lanes as SVG; classes carry all colours, so a change of theme needs no redraw. */
import { ticks } from "./scale.js";
import { shape } from "./shapes.js";

const SPACE = "http://www.w3.org/2000/svg";
const LANE = 46;
const TOP = 34;
const BOTTOM = 30;
const NOTE = 84;

export function node(name, attributes, text) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

const laneY = (lane) => TOP + lane * LANE + LANE / 2;

function cut(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function drawGrid(svg, { data, scale, height }) {
  if (scale.axis === "sequence") {
    svg.append(node("text", { x: scale.left, y: height - 10 }, "in the order of their saving →"));
    return;
  }
  for (const { time, text } of ticks(scale)) {
    const x = scale.x(time);
    svg.append(node("line", { class: "grid", x1: x, x2: x, y1: TOP - 16, y2: height - BOTTOM }));
    svg.append(node("text", { x: x + 4, y: height - 10 }, text));
  }
  const now = scale.x(data.now);
  if (now < scale.right + 8) {
    svg.append(node("line", { class: "now", x1: now, x2: now, y1: TOP - 16, y2: height - BOTTOM }));
  }
}

function drawLanes(svg, { data, scale }) {
  data.lanes.forEach((lane, index) => {
    const marks = data.marks.filter((mark) => mark.lane === index);
    const y = laneY(index);
    const label = node("text", scale.narrow ? { x: scale.left, y: y - 14 } : { x: 2, y: y + 4 },
      cut(lane.name, scale.narrow ? 40 : 14));
    label.append(node("title", {}, lane.name));
    svg.append(label);
    if (!marks.length) return;
    const xs = marks.map((mark) => scale.x(mark.t));
    svg.append(node("line", {
      class: lane.branch ? "lane branch" : "lane", y1: y, y2: y,
      x1: Math.min(...xs), x2: Math.max(...xs),
    }));
  });
}

/** A fork leaves its parent's lane; a restore on the same lane jumps back in an arc above it. */
function drawForks(svg, { data, scale }) {
  const byId = new Map(data.marks.map((mark) => [mark.id, mark]));
  for (const mark of data.marks) {
    const parent = byId.get(mark.parent);
    if (!parent || parent.lane === mark.lane) continue;
    const [x1, y1, x2, y2] = [scale.x(parent.t), laneY(parent.lane), scale.x(mark.t), laneY(mark.lane)];
    const bend = Math.min(24, Math.abs(x2 - x1) / 2);
    svg.append(node("path", {
      class: "fork", d: `M${x1} ${y1} C ${x1 + bend} ${y1} ${x1} ${y2} ${x1 + bend} ${y2} H ${x2}`,
    }));
  }
}

function radius(mark, most, crowded) {
  const least = (crowded ? 2 : 3.4) + (mark.kind === "routine" ? 0 : 1);
  return least + (crowded ? 1.6 : 3.2) * Math.sqrt((mark.bytes ?? 0) / most);
}

function mostOnALane({ lanes, marks }) {
  return Math.max(...lanes.map((_, lane) => marks.filter((mark) => mark.lane === lane).length));
}

/** What is rare lies on top of what is common. */
function weight(mark) {
  return (mark.kind === "routine" ? 0 : 1) + (mark.state ? 2 : 0);
}

function drawMarks(svg, timeline) {
  const { data, scale } = timeline;
  const most = Math.max(1, ...data.marks.map((mark) => mark.bytes ?? 0));
  const crowded = mostOnALane(data) * 9 > scale.right - scale.left;
  const order = data.marks.map((mark, index) => [mark, index]).sort(([a], [b]) => weight(a) - weight(b));
  order.forEach(([mark, index]) => {
    const [x, y, r] = [scale.x(mark.t), laneY(mark.lane), radius(mark, most, crowded)];
    const element = shape(mark, x, y, r, data.lanes[mark.lane].branch);
    element.dataset.index = index;
    if (mark.id && mark.id === timeline.selected) element.classList.add("selected");
    svg.append(element);
    if (mark.head) svg.append(node("circle", { class: "ring", cx: x, cy: y, r: r + 4 }));
    if (mark.pinned) svg.append(node("path", { class: "pin", d: `M${x - 3} ${y - r - 9} h6 l-3 6 z` }));
  });
}

/** Operations that lie close together share one note: the newest one's, and how many more. */
function notesOf({ data, scale }) {
  const notes = [];
  data.operations.forEach((operation) => {
    const [x, y] = [scale.x(operation.t), laneY(operation.lane)];
    const near = notes.find((note) => note.y === y && Math.abs(note.x - x) < NOTE);
    if (near) near.more += 1;
    else notes.push({ x, y, more: 0, ...operation });
  });
  return notes;
}

function drawOperations(svg, timeline) {
  const { data, scale } = timeline;
  data.operations.forEach((operation, index) => {
    const [x, y] = [scale.x(operation.t), laneY(operation.lane)];
    const ring = node("circle", { class: `ring operation ${operation.state}`, cx: x, cy: y, r: 9 });
    ring.dataset.operation = index;
    svg.append(ring);
  });
  for (const { x, y, note, state, more } of notesOf(timeline)) {
    const anchor = x > scale.right - 110 ? "end" : "middle";
    svg.append(node("text", { class: `note operation ${state}`, x, y: y - 16, "text-anchor": anchor },
      more ? `${note} +${more}` : note));
  }
}

export function draw(timeline) {
  const { root, data, scale } = timeline;
  timeline.height = TOP + data.lanes.length * LANE + BOTTOM;
  const svg = root.querySelector("svg");
  svg.setAttribute("viewBox", `0 0 ${scale.width} ${timeline.height}`);
  svg.replaceChildren();
  root.querySelector("[data-nothing]").hidden = data.marks.length > 0;
  drawGrid(svg, timeline);
  drawForks(svg, timeline);
  drawLanes(svg, timeline);
  drawMarks(svg, timeline);
  drawOperations(svg, timeline);
}
