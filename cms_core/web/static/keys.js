// Keyboard: whatever carries data-key ("g c", "c", "/") is pressed or focused by it; "?" lists the keys.
// Single letters can be switched off (WCAG 2.1.4) and are ignored while something is typed.

const STORE = "cms_single_keys";
const CHORD_MS = 1200;
const sheet = document.getElementById("keys");
const list = document.getElementById("keys-list");
const box = document.getElementById("keys-on");

let on = true;
try {
  on = localStorage.getItem(STORE) !== "off";
} catch {
  // A browser that keeps nothing has the keys on.
}
const hint = document.querySelector(".hint-keys");
const show = () => {
  box.checked = on;
  hint.hidden = !on;
};
show();
box.addEventListener("change", () => {
  on = box.checked;
  try {
    localStorage.setItem(STORE, on ? "on" : "off");
  } catch {
    // Then it holds for this page.
  }
  show();
});

const typing = (target) => target.closest?.("input:not([type=checkbox],[type=radio]),textarea,select,[contenteditable]");

function nameOf(element) {
  const label = element.getAttribute("aria-label") || element.querySelector(".clip")?.textContent;
  if (label) return label;
  const copy = element.cloneNode(true);
  copy.querySelectorAll("kbd").forEach((kbd) => kbd.remove());
  return copy.textContent.trim();
}

function row(keys, words) {
  const term = document.createElement("dt");
  for (const key of keys.split(" ")) {
    const kbd = document.createElement("kbd");
    kbd.textContent = key;
    term.append(kbd, " ");
  }
  const meaning = document.createElement("dd");
  meaning.textContent = words;
  return [term, meaning];
}

function openSheet() {
  list.replaceChildren(...row("?", "This list"));
  for (const element of document.querySelectorAll("[data-key]")) list.append(...row(element.dataset.key, nameOf(element)));
  if (document.querySelector("[data-entry]")) list.append(...row("m", "Move the focused entry: arrows, Enter, Escape"));
  sheet.showModal();
}

function use(element) {
  if (element.matches("input,textarea,select")) element.focus();
  else element.click();
}

let chord = "";
let timer;
addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (!on || event.key.length !== 1 || document.querySelector("dialog[open]")) return;
  if (event.key === "?") return openSheet();
  const pressed = chord ? `${chord} ${event.key}` : event.key;
  clearTimeout(timer);
  chord = "";
  const all = [...document.querySelectorAll("[data-key]")];
  const exact = all.find((element) => element.dataset.key === pressed);
  if (exact) {
    event.preventDefault();
    use(exact);
  } else if (all.some((element) => element.dataset.key.startsWith(`${pressed} `))) {
    chord = pressed;
    timer = setTimeout(() => (chord = ""), CHORD_MS);
  }
});
