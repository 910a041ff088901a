// Toasts, dialogs, theme and the live region. Every page works without this file: it only makes forms and links quicker.

const TOAST_MS = 10_000;
const live = document.getElementById("live");
/** Say something to assistive technology; others ask for it with a "cms:say" event. */
function say(text) {
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
}
addEventListener("cms:say", (event) => say(event.detail));

// Toasts go after ten seconds (the time to undo), never while pointed at or focused; errors stay.
for (const toast of document.querySelectorAll("[data-toast]")) {
  say(toast.querySelector(".grow").textContent);
  if (toast.matches(".bad")) continue;
  let timer;
  const start = () => (timer = setTimeout(() => toast.remove(), TOAST_MS));
  const stop = () => clearTimeout(timer);
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, stop);
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
  start();
}

// <a href="/the/page" data-dialog="id"> opens <dialog id> here; without scripts the link leads to the page.
addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog?.showModal) {
    event.preventDefault();
    dialog.showModal();
  }
  if (event.target.closest?.("[data-close]") || event.target.matches?.("dialog")) event.target.closest("dialog")?.close();
});

// One question is open at a time; Escape closes it.
addEventListener("toggle", (event) => {
  if (!event.target.matches(".ask[open]")) return;
  for (const other of document.querySelectorAll(".ask[open]")) if (other !== event.target) other.open = false;
}, true);
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector(".ask[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

// The theme is kept in the cookie that the server reads, so the next page comes in the right colours at once.
const themes = document.querySelector("[data-theme-form]");
themes?.addEventListener("submit", (event) => {
  const theme = event.submitter?.value;
  if (!theme) return;
  event.preventDefault();
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `cms_theme=${theme};path=/;max-age=31536000;samesite=lax${secure}`;
  document.documentElement.dataset.theme = theme;
  for (const button of themes.elements) {
    if (button.name === "theme") button.setAttribute("aria-pressed", String(button.value === theme));
  }
});

// A form is sent once, however often its button is pressed; coming back with the back button frees it.
addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (event.target.dataset.sent) event.preventDefault();
  else event.target.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
