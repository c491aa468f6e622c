/** Opens the fields for user and password once an address is typed that is a server's. */
const SERVER = /^(?!file:|sqlite:|kaizen:|memory:)[a-z0-9+.-]+:\/\/[^/]/i;

export function startAddresses() {
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-address]")) return;
    const fields = event.target.form.querySelector("[data-credentials]");
    if (SERVER.test(event.target.value.trim())) fields.open = true;
  });
}
