/* Updates the progress of the current round every two seconds while the page is visible. */
"use strict";

const progress = document.querySelector("[data-watch]");
if (progress) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(progress.dataset.watch).catch(() => null);
    if (answer?.ok) progress.textContent = (await answer.json()).message;
  }, 2000);
}
