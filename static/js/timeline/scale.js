/** From times to pixels: by the clock, or by sequence when saves come in bursts. */
const GUTTER = 96;
const NARROW = 560;
const MARGIN = 16;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
  86400, 172800, 604800, 1209600, 2592000, 7776000, 31536000].map((seconds) => seconds * 1000);

function interval(data) {
  const length = Math.max(data.to - data.from, 1);
  return { from: data.from - length * 0.01, to: data.to + length * 0.01 };
}

function byClock(data, left, right) {
  const { from, to } = interval(data);
  const ratio = (right - left) / (to - from);
  return {
    x: (time) => left + (time - from) * ratio,
    time: (x) => from + (x - left) / ratio,
  };
}

function position(times, time) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function bySequence(data, left, right) {
  const times = [...new Set(data.marks.map((mark) => mark.t))].sort((a, b) => a - b);
  const gap = (right - left) / Math.max(times.length, 1);
  const at = (x) => Math.min(times.length - 1, Math.max(0, Math.round((x - left) / gap - 0.5)));
  return {
    x: (time) => left + (position(times, time) + 0.5) * gap,
    time: (x) => times[at(x)] ?? data.from,
  };
}

/** Bursts that fall on a few pixels say nothing by the clock: show those by sequence. */
export function chooseAxis(data, width) {
  const scale = byClock(data, 0, width);
  const columns = new Set(data.marks.map((mark) => Math.round(scale.x(mark.t) / 4)));
  return columns.size < data.marks.length / 2 ? "sequence" : "clock";
}

export function makeScale(data, axis, width) {
  const left = width < NARROW ? MARGIN : GUTTER;
  const right = width - MARGIN * 2;
  const make = axis === "sequence" ? bySequence : byClock;
  return { ...make(data, left, right), left, right, width, axis, narrow: width < NARROW };
}

/** About one tick per 110 pixels, at round times of the viewer's zone. */
export function ticks(scale) {
  const from = scale.time(scale.left);
  const to = scale.time(scale.right);
  const wanted = (to - from) / Math.max(2, (scale.right - scale.left) / 110);
  const step = STEPS.find((size) => size >= wanted) ?? STEPS.at(-1);
  const shift = new Date(to).getTimezoneOffset() * 60000;
  const found = [];
  for (let t = Math.ceil((from - shift) / step) * step + shift; t <= to; t += step) found.push(t);
  return found.map((time) => ({ time, text: label(time, step) }));
}

function label(time, step) {
  const date = new Date(time);
  if (step < 60000) return date.toLocaleTimeString([], { timeStyle: "medium", hourCycle: "h23" });
  if (step < 86400000) return date.toLocaleTimeString([], { timeStyle: "short", hourCycle: "h23" });
  return date.toLocaleDateString([], { day: "numeric", month: "short" });
}
