/** Copy buttons: the text is in data-copy, or in the element that data-copy-from names. */
const BACK_AFTER = 1600;

function textOf(button) {
  if (button.dataset.copy) return button.dataset.copy;
  return document.getElementById(button.dataset.copyFrom).innerText.trimEnd();
}

async function copy(button) {
  await navigator.clipboard.writeText(textOf(button));
  button.classList.add("copied");
  say("Copied");
  setTimeout(() => button.classList.remove("copied"), BACK_AFTER);
}

/** Tells screen readers something that the eye already sees. */
export function say(text) {
  const region = document.getElementById("say");
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

export function startCopying() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-from]");
    if (button) copy(button).catch(() => say("The browser did not allow copying"));
  });
}
