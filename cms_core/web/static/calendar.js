// Moving entries on the calendar: by dragging (SortableJS, if the build brought it) or with M, arrows and Enter.
// A bar (a flight) is moved by its beginning. Both fill the page's one move form with the new day and submit it: the server keeps the local time and offers Undo.
// Markup: cms/_calendar.html. The dialog "Move to…" stays the way without scripts.

const KEPT = "cms_moved_entry";
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
const form = document.querySelector("[data-move-form]");
const days = () => [...document.querySelectorAll("[data-day]")];
const cellOf = (chip) => chip.closest("[data-day]") || days().find((cell) => cell.dataset.day === chip.dataset.from);
const say = (detail) => dispatchEvent(new CustomEvent("cms:say", { detail }));

function move(chip, cell) {
  try {
    sessionStorage.setItem(KEPT, chip.dataset.entry);
  } catch {
    // Then the focus starts at the top of the page.
  }
  form.action = chip.dataset.move;
  form.elements.day.value = cell.dataset.day;
  form.elements.version.value = chip.dataset.version;
  if (chip.dataset.serial === undefined) return form.requestSubmit();
  askScope(chip);
}

// What comes again is asked about: this one, those after it, or all; leaving the question leaves the entry.
function askScope(chip) {
  const dialog = document.querySelector("[data-scope-dialog]");
  dialog.returnValue = "";
  dialog.addEventListener("close", () => {
    if (!dialog.returnValue) return location.reload();
    form.elements.scope.value = dialog.returnValue;
    form.requestSubmit();
  }, { once: true });
  dialog.showModal();
}

function bindDrag() {
  if (!window.Sortable || matchMedia("(max-width:760px)").matches) return;
  for (const cell of document.querySelectorAll(".items,.week")) {
    if (Sortable.get(cell)) continue;
    const holdsBars = cell.matches(".week");
    Sortable.create(cell, {
      group: { name: "calendar", put: !holdsBars },
      sort: !holdsBars,
      draggable: holdsBars ? ".band[data-entry]" : "[data-entry]",
      animation: matchMedia("(prefers-reduced-motion:reduce)").matches ? 0 : 120,
      delay: 150,
      delayOnTouchOnly: true,
      dragClass: "drag",
      onMove: ({ to }) => mark(to),
      onEnd: ({ item, from, to }) => {
        mark(null);
        if (to !== from && to.dataset.day) move(item, to);
      },
    });
  }
}

function mark(cell) {
  for (const other of document.querySelectorAll(".items.drop")) other.classList.remove("drop");
  cell?.classList.add("drop");
}

let held = null; // { chip, index } while an entry is picked up

function pickUp(chip) {
  held = { chip, index: days().indexOf(cellOf(chip)) };
  chip.classList.add("drag");
  mark(days()[held.index]);
  say(`${chip.querySelector(".x").textContent.trim()} picked up. Arrows choose the day, Enter moves it, Escape leaves it.`);
}

function putDown() {
  held.chip.classList.remove("drag");
  mark(null);
  held = null;
}

function step(by) {
  const cells = days();
  const index = held.index < 0 ? 0 : held.index + by;
  if (!cells[index]) return say("That is the edge of this view");
  held.index = index;
  mark(cells[index]);
  cells[index].scrollIntoView({ block: "nearest" });
  say(cells[index].dataset.label);
}

function whileHeld(event) {
  const cell = days()[held.index];
  const chip = held.chip;
  if (event.key in STEPS) step(STEPS[event.key]);
  else if (event.key === "Escape") {
    putDown();
    say("Left where it was");
  } else if (event.key === "Enter") {
    const same = cell === cellOf(chip);
    putDown();
    if (cell && !same) move(chip, cell);
  } else if (event.key === "Tab") return putDown();
  else return;
  event.preventDefault();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (held) return whileHeld(event);
  const chip = event.target.closest?.("[data-entry]");
  if (!chip || event.key.toLowerCase() !== "m" || !document.getElementById("keys-on").checked) return;
  event.preventDefault();
  pickUp(chip);
}, true);

let moved = null;
try {
  moved = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
} catch {
  // Nothing to come back to.
}
if (moved) document.querySelector(`[data-entry="${CSS.escape(moved)}"]`)?.focus();
addEventListener("cms:swapped", bindDrag);
bindDrag();
