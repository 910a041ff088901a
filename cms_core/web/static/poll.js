// Live parts: <div data-poll="url" data-every="5"> is fetched with If-None-Match; 200 swaps it, 304 leaves it.
// Nothing is asked while the page is hidden, and nothing is swapped under somebody's hands.

const SLOWEST_S = 120;
const busy = (part) => part.contains(document.activeElement) || part.querySelector(".drag,.ask[open]");

function watch(part) {
  const every = Number(part.dataset.every) || 5;
  let etag = "";
  let wait = every;

  async function ask() {
    if (!part.isConnected) return;
    if (!document.hidden) await fetchOnce();
    if (wait) setTimeout(ask, wait * 1000);
  }

  async function fetchOnce() {
    try {
      const headers = { "X-Requested-With": "poll", Accept: "text/html", ...(etag && { "If-None-Match": etag }) };
      const response = await fetch(part.dataset.poll, { headers, cache: "no-store", redirect: "error" });
      if ([401, 403, 404, 410].includes(response.status)) return void (wait = 0);
      if (response.status >= 400) throw new Error(response.statusText);
      wait = every;
      if (response.status !== 200) return;
      const html = await response.text();
      if (busy(part)) return;
      etag = response.headers.get("ETag") ?? "";
      part.innerHTML = html;
      part.dispatchEvent(new CustomEvent("cms:swapped", { bubbles: true }));
    } catch {
      wait = Math.min(wait * 2, SLOWEST_S);
    }
  }

  setTimeout(ask, every * 1000);
}

for (const part of document.querySelectorAll("[data-poll]")) watch(part);
