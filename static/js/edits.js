/** On the fork page a value that is chosen in the state's tree becomes one more edit of the form. */
function rowOf(path, edits, but) {
  const inputs = [...edits.querySelectorAll("input[name=path]")];
  return inputs.find((input) => input !== but && input.value === path)?.closest(".edit");
}

/** A value that is chosen twice is edited once: the first row stays. */
function settle(edits) {
  const added = edits.lastElementChild;
  const input = added?.querySelector("input[name=path]");
  if (!input) return;
  const first = rowOf(input.value, edits, input);
  if (first) added.remove();
  (first ?? added).querySelector("textarea").focus();
}

async function choose(link, edits) {
  await window.htmx.ajax("GET", link.href, { target: edits, swap: "beforeend" });
  settle(edits);
}

export function startEdits() {
  const tree = document.querySelector("[data-choose]");
  const edits = document.getElementById("edits");
  if (!tree || !edits) return;
  tree.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-edit]");
    if (!link || !window.htmx) return;
    event.preventDefault();
    choose(link, edits);
  });
}
