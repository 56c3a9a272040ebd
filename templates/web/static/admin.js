/* What the round is doing, told again every two seconds while the page is looked at. */
"use strict";

const told = document.querySelector("[data-watch]");
if (told) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(told.dataset.watch).catch(() => null);
    if (answer?.ok) told.textContent = (await answer.json()).told;
  }, 2000);
}
