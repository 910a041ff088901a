// Live forms: <form data-live="url" data-into="id"> is posted while something is typed, and the parts of the answer
// that changed (data-part) are put into the element. The editor's uploads and unsaved changes are looked after here too.
// Without this file the buttons of the forms do the same.

const PAUSE_MS = 400;
for (const form of document.querySelectorAll("form[data-live]")) enliven(form);

function enliven(form) {
  const into = document.getElementById(form.dataset.into);
  let timer;
  let running;
  for (const hint of into.querySelectorAll(".live-only")) hint.hidden = false;

  async function ask() {
    running?.abort();
    running = new AbortController();
    const body = new FormData(form);
    body.delete("file");
    try {
      const headers = { "X-Requested-With": "live", Accept: "text/html" };
      const response = await fetch(form.dataset.live, { method: "POST", body, headers, signal: running.signal });
      if (response.ok) show(await response.text());
    } catch {
      // The next key asks again.
    }
  }

  function show(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    for (const hint of fresh.content.querySelectorAll(".live-only")) hint.hidden = false;
    for (const part of fresh.content.querySelectorAll("[data-part]")) {
      const old = into.querySelector(`[data-part="${part.dataset.part}"]`);
      if (old && old.outerHTML !== part.outerHTML && !old.contains(document.activeElement)) old.replaceWith(part);
    }
  }

  form.addEventListener("input", (event) => {
    if (event.target.type === "file" || event.target.name === "alt") return;
    form.dataset.dirty = "";
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  // Another kind has other fields: they are drawn by the server.
  form.querySelector("[data-redraw]")?.addEventListener("change", () => form.requestSubmit(form.querySelector("[name=do][value=check]")));
  form.addEventListener("submit", () => delete form.dataset.dirty);
  form.addEventListener("keydown", (event) => {
    const save = form.querySelector("[data-save]");
    if (save && event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(save);
  });
  form.querySelector("[data-upload]")?.addEventListener("click", (event) => {
    event.preventDefault();
    upload(form, event.currentTarget);
  });
}

/** Store the chosen file and put its Markdown where the cursor is. */
async function upload(form, button) {
  const body = new FormData();
  for (const name of ["csrf_token", "file", "alt"]) {
    const field = form.elements[name];
    body.append(name, field.type === "file" ? (field.files[0] ?? "") : field.value);
  }
  button.disabled = true;
  const error = document.getElementById("upload-error");
  try {
    const response = await fetch(button.dataset.upload, { method: "POST", body, headers: { "X-Requested-With": "live" } });
    const answer = await response.json();
    error.textContent = answer.error ?? "";
    if (!answer.markdown) return;
    const text = form.elements.text;
    text.setRangeText(`${answer.markdown}\n`, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
    form.elements.file.value = form.elements.alt.value = "";
    text.focus();
  } catch {
    error.textContent = "The file could not be sent; nothing was stored. Try again.";
  } finally {
    button.disabled = false;
  }
}

addEventListener("beforeunload", (event) => {
  if (document.querySelector("form[data-dirty]")) event.preventDefault();
});
