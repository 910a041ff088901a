// The review queue by keyboard: J and K choose a row, A approves it, R asks for changes, O opens it.
// keys.js presses whatever carries data-key; this file only moves those marks to the chosen row.

const rows = [...document.querySelectorAll("[data-row]")];
let chosen = -1;

function choose(next) {
  if (next < 0 || next >= rows.length) return;
  for (const marked of document.querySelectorAll("[data-decide][data-key]")) delete marked.dataset.key;
  chosen = next;
  for (const [n, row] of rows.entries()) row.toggleAttribute("data-chosen", n === chosen);
  for (const target of rows[chosen].querySelectorAll("[data-decide]")) target.dataset.key = target.dataset.decide;
}

for (const [n, row] of rows.entries()) row.addEventListener("focusin", () => n !== chosen && choose(n));
for (const [key, step] of [["j", 1], ["k", -1]]) {
  const move = document.createElement("button");
  move.hidden = true;
  move.dataset.key = key;
  move.setAttribute("aria-label", step > 0 ? "Next in the queue" : "The one before in the queue");
  move.addEventListener("click", () => {
    choose(chosen + step);
    rows[chosen]?.focus();
  });
  document.body.append(move);
}
choose(0);

// A question is answered at once: the focus is there before the next key, lest a letter of the answer decide something.
addEventListener("click", (event) => {
  const ask = event.target.closest?.(".queue .ask > summary")?.parentElement;
  if (!ask || ask.open) return;
  event.preventDefault();
  ask.open = true;
  ask.querySelector("select,textarea").focus();
});
