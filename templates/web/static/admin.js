/* Updates the progress of the current round every two seconds while the page is visible. */
"use strict";

const told = document.querySelector("[data-watch]");
if (told) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(told.dataset.watch).catch(() => null);
    if (answer?.ok) told.textContent = (await answer.json()).told;
  }, 2000);
}
