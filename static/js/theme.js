/** The theme is kept in a cookie, so that the server writes it into the first byte: no flash. */
const YEAR = 365 * 24 * 3600;

function choose(theme) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR}; samesite=lax${secure}`;
  document.documentElement.dataset.theme = theme;
  show(theme);
}

function show(theme) {
  for (const button of document.querySelectorAll("[data-choose-theme]")) {
    button.setAttribute("aria-pressed", String(button.dataset.chooseTheme === theme));
  }
}

export function startTheme() {
  show(document.documentElement.dataset.theme);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choose-theme]");
    if (button) choose(button.dataset.chooseTheme);
  });
}
