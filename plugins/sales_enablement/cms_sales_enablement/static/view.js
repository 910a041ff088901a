// Tells how long this page has been in sight: visible, and not left alone for a minute. Cumulative and numbered, so that
// a message that comes twice, late or never changes little.
const TICK = 500;
const EVERY = 10_000;
const IDLE = 60_000;
const { action, view, told: before = 0, inSight: seen = 0 } = document.currentScript.dataset; // a look that goes on
const slides = [...document.querySelectorAll("[data-slide]")];
const perSlide = new Map();
let inSight = Number(seen);
let told = inSight;
let number = Number(before);
let last = performance.now();
let touched = last;

function tick() {
  const now = performance.now();
  if (document.visibilityState === "visible" && now - touched < IDLE) {
    const passed = Math.min(now - last, 2 * TICK);
    inSight += passed;
    const slide = inFront();
    if (slide) perSlide.set(slide, (perSlide.get(slide) || 0) + passed);
  }
  last = now;
  if (inSight >= 1000 && (number === 0 || inSight - told >= EVERY)) tell();
}

function tell() {
  told = inSight;
  const body = new URLSearchParams({ view, n: String(++number), ms: String(Math.round(inSight)) });
  if (slides.length) {
    body.set("slides", [...perSlide].map(([slide, ms]) => `${slide}:${Math.round(ms)}`).join(" "));
    body.set("slide", inFront());
  }
  navigator.sendBeacon(action, body);
}

// The slide of which most can be seen now: slides grow when their pictures come.
function inFront() {
  let best = "", most = 0;
  for (const slide of slides) {
    const { top, bottom } = slide.getBoundingClientRect();
    const pixels = Math.min(bottom, innerHeight) - Math.max(top, 0);
    if (pixels > most) [best, most] = [slide.dataset.slide, pixels];
  }
  return best;
}

// A slide whose picture is still being made shows its words, and looks for it now and then.
for (const place of document.querySelectorAll("[data-picture]")) {
  let left = 20;
  const look = () => {
    const picture = new Image();
    picture.alt = place.dataset.words;
    picture.onload = () => place.replaceChildren(picture);
    picture.onerror = () => --left && setTimeout(look, 6_000);
    picture.src = place.dataset.picture;
  };
  setTimeout(look, 6_000);
}

for (const name of ["pointermove", "pointerdown", "keydown", "scroll", "touchstart"]) {
  addEventListener(name, () => (touched = performance.now()), { passive: true });
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && inSight >= 1000 && inSight > told) tell();
  touched = last = performance.now();
});
setInterval(tick, TICK);
