/** Shape tells the kind: ● routine, ◆ pre-operation, ■ recovery, ▲ failed, ✕ damaged, ○ removed. */
import { node } from "./draw.js";

const SHAPES = {
  routine: (x, y, r) => node("circle", { cx: x, cy: y, r }),
  "pre-operation": (x, y, r) => node("path", { d: `M${x} ${y - r - 1} L${x + r + 1} ${y} L${x} ${y + r + 1} L${x - r - 1} ${y} Z` }),
  recovery: (x, y, r) => node("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r }),
  failed: (x, y, r) => node("path", { d: `M${x} ${y - r - 1} l${r + 2} ${2 * r} h${-2 * r - 4} Z` }),
  damaged: (x, y) => node("path", { d: `M${x - 4} ${y - 4} l8 8 m0 -8 l-8 8` }),
};

function kindOfShape(mark) {
  if (mark.state === "damaged" || mark.state === "failed") return mark.state;
  return mark.kind in SHAPES ? mark.kind : "routine";
}

export function shape(mark, x, y, r, branch) {
  const element = SHAPES[kindOfShape(mark)](x, y, r);
  const looks = ["mark", branch ? "branch" : "", mark.kind === "routine" ? "" : "open", mark.state ?? ""];
  element.setAttribute("class", looks.filter(Boolean).join(" "));
  return element;
}
