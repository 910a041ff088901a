// Tells how long this page has been in sight: visible, and not left alone for a minute. Cumulative and numbered, so that
// a message that comes twice, late or never changes little.
const TICK = 500;
const EVERY = 10_000;
const IDLE = 60_000;
const { action, view } = document.currentScript.dataset;
let inSight = 0;
let told = 0;
let number = 0;
let last = performance.now();
let touched = last;

function tick() {
  const now = performance.now();
  if (document.visibilityState === "visible" && now - touched < IDLE) inSight += Math.min(now - last, 2 * TICK);
  last = now;
  if (inSight >= 1000 && (number === 0 || inSight - told >= EVERY)) tell();
}

function tell() {
  told = inSight;
  const body = new URLSearchParams({ view, n: String(++number), ms: String(Math.round(inSight)) });
  navigator.sendBeacon(action, body);
}

for (const name of ["pointermove", "pointerdown", "keydown", "scroll", "touchstart"]) {
  addEventListener(name, () => (touched = performance.now()), { passive: true });
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && inSight >= 1000 && inSight > told) tell();
  touched = last = performance.now();
});
setInterval(tick, TICK);
