/**
 * New rows come in by themselves while nobody points at the list or has scrolled away from its
 * top; otherwise they wait behind the button "3 new", so that nothing under the pointer moves.
 */
import { say } from "./copy.js";

function busy(list) {
  const held = list.matches(":hover") || list.contains(document.activeElement);
  const picked = list.querySelector("input[name=pick]:checked");
  return held || Boolean(picked) || list.getBoundingClientRect().top < 0;
}

function markHead() {
  const head = document.getElementById("news")?.dataset.head;
  for (const badge of document.querySelectorAll("[data-head-badge]")) {
    badge.hidden = badge.dataset.headBadge !== head;
  }
}

function bring(button) {
  const list = document.querySelector("table[data-rows]");
  if (list && !busy(list)) button.click();
}

function noteNews(news) {
  const button = news.querySelector("button");
  markHead();
  if (news.dataset.moved === "yes") document.dispatchEvent(new CustomEvent("holdfast:news"));
  if (!button) return;
  say(button.textContent.trim());
  bring(button);
}

/** A part that renews itself waits while somebody points at or stands on something in it. */
function startGentleParts() {
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.target;
    if (!part.matches?.("[data-gentle]")) return;
    if (part.matches(":focus-within") || part.querySelector("a:hover, li:hover, tr:hover")) {
      event.preventDefault();
    }
  });
}

export function startLiveRows() {
  startGentleParts();
  if (!document.getElementById("news")) return;
  document.addEventListener("htmx:afterSwap", () => markHead());
  document.addEventListener("htmx:load", (event) => {
    if (event.target.id === "news") noteNews(event.target);
  });
}
