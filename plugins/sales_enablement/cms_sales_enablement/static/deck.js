// The page of a deck: slides are ordered by dragging (SortableJS, if the build brought it), and pictures come as they are made.
const list = document.querySelector("[data-slides]");
if (list && window.Sortable && !matchMedia("(max-width:760px)").matches) {
  Sortable.create(list, {
    draggable: "[data-slide]",
    handle: ".grip",
    animation: matchMedia("(prefers-reduced-motion:reduce)").matches ? 0 : 120,
    onEnd: ({ oldIndex, newIndex }) => oldIndex !== newIndex && list.closest("form").requestSubmit(),
  });
}
list?.addEventListener("change", ({ target }) => target.name === "pick" && list.closest("form").requestSubmit());

for (const place of document.querySelectorAll("[data-await]")) {
  let left = 15;
  const look = () => {
    const picture = new Image();
    picture.alt = place.textContent.trim();
    picture.onload = () => { place.replaceChildren(picture); place.classList.add("pic"); };
    picture.onerror = () => --left && setTimeout(look, 5_000);
    picture.src = place.dataset.await;
  };
  setTimeout(look, 3_000);
}
document.querySelector("[data-copied]")?.select();
