/* Conveniences. Every page works without JavaScript. */
"use strict";

// Preselect the browser's time zone unless the visitor has chosen one, and find zones by city.
const zone = document.querySelector("#timezone");
const zoneLabel = document.querySelector("#zone-chosen");
const tellZone = () => { if (zoneLabel) zoneLabel.textContent = zone.selectedOptions[0].textContent; };
if (zone) {
  if ("guess" in zone.dataset) {
    const guess = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (guess && ![...zone.options].some((option) => option.value === guess)) {
      zone.add(new Option(guess.split("/").pop().replaceAll("_", " "), guess));
    }
    if (guess) zone.value = guess;
  }
  tellZone();
  zone.addEventListener("change", tellZone);
  const all = [...zone.children];
  const finder = document.createElement("input");
  finder.type = "search";
  finder.placeholder = zone.dataset.filter;
  finder.setAttribute("aria-label", zone.dataset.filter);
  const none = document.createElement("small");
  none.setAttribute("role", "status");
  const plain = (words) => words.normalize("NFD").replace(/\p{M}/gu, "").trim().toLowerCase().replaceAll(/[\s_-]+/g, " ");
  finder.addEventListener("input", () => {
    const wanted = plain(finder.value);
    const options = all.flatMap((child) => (child instanceof HTMLOptGroupElement ? [...child.children] : [child]));
    const chosen = zone.value;
    const fits = options.filter((option) => plain(`${option.value} ${option.text} ${option.dataset.also ?? ""}`).includes(wanted));
    none.textContent = fits.length ? "" : zone.dataset.none;
    options.forEach((option) => { option.hidden = option.disabled = fits.length > 0 && !fits.includes(option); });
    if (wanted && fits.length && !fits.some((option) => option.value === chosen)) zone.value = fits[0].value;
    tellZone();
  });
  // Enter chooses, and must not send the form.
  finder.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); zone.focus(); } });
  zone.after(finder, none);
}

// An interest is a sentence: show all of it, on as many lines as it takes. Enter sends the form, as from an input.
for (const area of document.querySelectorAll("textarea.query")) {
  const limit = document.querySelector("#query-limit");
  const about = limit?.textContent;
  area.rows = 1;
  area.enterKeyHint = "go";
  const grow = () => {
    area.style.height = "auto";
    if (area.scrollHeight) area.style.height = `${area.scrollHeight + area.offsetHeight - area.clientHeight}px`;
  };
  area.addEventListener("input", () => {
    if (area.value.includes("\n")) area.value = area.value.replaceAll(/\s*\n\s*/g, " ");
    if (limit) limit.textContent = `${about} (${area.value.length}/${area.maxLength})`;
    grow();
  });
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    area.form.requestSubmit(area.form.querySelector("button"));
  });
  grow();
  document.addEventListener("change", grow);
  window.addEventListener("pageshow", grow);
}

// A field that is wrong must not hide in a folded part of the form.
document.addEventListener("invalid", (event) => event.target.closest("details")?.setAttribute("open", ""), true);

// Show only the day field that the chosen frequency uses.
const cadence = document.querySelector("#cadence");
if (cadence) {
  const show = () => document.querySelectorAll("[data-for]").forEach((field) => {
    field.hidden = field.dataset.for !== cadence.value;
    // A hidden field that is required and empty would block the submit button without a message.
    field.querySelectorAll("input, select").forEach((input) => { input.disabled = field.hidden; });
  });
  cadence.addEventListener("change", show);
  show();
  // Browsers restore the choices after "Back" only once the page has loaded.
  window.addEventListener("pageshow", show);
}

// Preview a query's matches while it is typed.
const trials = document.querySelector("#trials");
const fields = [...document.querySelectorAll("[data-try]")];
const text = (name, content, parent, className) => {
  const element = parent.appendChild(document.createElement(name));
  element.textContent = content;
  if (className) element.className = className;
  return element;
};

async function tried(field, asked) {
  const query = field.value.trim();
  if (!query) return null;
  // A subscriber's pages are in their language, which need not be the browser's.
  const { lang } = document.documentElement;
  const answer = await fetch(`${field.dataset.try}?${new URLSearchParams({ q: query, lang })}`, { signal: asked });
  const { message, wrong, papers = [], detail } = await answer.json().catch(() => ({ detail: answer.statusText }));
  const note = document.createElement("div");
  note.className = "note";
  text("code", query, text("p", "", note));
  const [sentence, ...place] = String(message ?? detail).split("\n"); // the place that a wrong query is wrong at
  text("p", sentence, note, wrong || !answer.ok ? "wrong" : "");
  if (place.length) text("pre", place.join("\n"), note, "wrong");
  const list = text("ul", "", note);
  for (const paper of papers) {
    const line = text("li", "", list);
    text("a", paper.title, line).href = paper.href;
    line.append(" ");
    text("small", paper.why, line);
  }
  return note;
}

// Without a query, say what this place is for.
const showTrials = (notes) => {
  trials.replaceChildren(...notes);
  if (!notes.length) text("p", trials.dataset.empty, trials, "hint");
};
if (trials && !trials.children.length) showTrials([]);
// What the button would show is shown as one types.
document.querySelectorAll("button[value=try]").forEach((button) => { button.parentElement.hidden = true; });

let waiting = 0;
let running = new AbortController();
for (const field of fields) {
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      running.abort();
      running = new AbortController();
      try {
        const notes = await Promise.all(fields.map((one) => tried(one, running.signal)));
        showTrials(notes.filter(Boolean));
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      }
    }, 350);
  });
}

// An email is as tall as its content, so that no frame hides the rest of it.
for (const frame of document.querySelectorAll("iframe[data-fit]")) {
  const follow = () => {
    const content = frame.contentDocument.documentElement;
    const fit = () => { frame.style.height = `${Math.ceil(content.getBoundingClientRect().height)}px`; };
    new ResizeObserver(fit).observe(content);
  };
  frame.addEventListener("load", follow);
  if (frame.contentDocument?.readyState === "complete" && frame.contentWindow.location.href === frame.src) follow();
}
