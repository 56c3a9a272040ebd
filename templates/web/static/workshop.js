/* The workshop without reloading: choices take effect at once, and a changed template shows within a second. */
"use strict";

const page = document.querySelector("#workshop");
const PARTS = ["w-controls", "w-said", "w-summary", "w-tabs", "w-view", "w-actions"];
let underWay = null; // the visit whose answer is awaited: only the last one counts

document.documentElement.classList.add("scripted");

// What is the same stays as it is: forms keep what is being typed, frames are not loaded again.
function put(fresh) {
  const typed = document.activeElement;
  for (const id of PARTS) {
    const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
    if (!old && now) document.getElementById("w-controls").after(now);
    else if (old && !now) old.remove();
    else if (old && !old.isEqualNode(now) && !(old.contains(typed) && typed.matches("input:not([type=radio], [type=checkbox])"))) swap(old, now);
  }
}

function swap(old, now) {
  const frames = [...old.querySelectorAll("iframe")];
  const same = frames.length > 0 && frames.length === now.querySelectorAll("iframe").length
    && frames.every((frame) => now.querySelector(`#${frame.id}`));
  if (!same) { const open = opened(old); old.replaceWith(now); open.forEach((id) => { const one = document.getElementById(id); if (one) one.open = true; }); return; }
  for (const frame of frames) {
    const other = now.querySelector(`#${frame.id}`);
    if (at(frame) !== at(other)) reload(frame, at(other));
    other.replaceWith(document.createComment(frame.id));
  }
  // Everything around the frames may change; they themselves stay in the document, or they would be loaded anew.
  for (const name of ["bar"]) {
    const [was, is] = [old.querySelector(`.${name}`), now.querySelector(`.${name}`)];
    if (was && is) was.replaceWith(is);
  }
  const captions = old.querySelectorAll("figcaption, .one > .facts");
  now.querySelectorAll("figcaption, .one > .facts").forEach((is, at) => captions[at]?.replaceWith(is));
}

const opened = (part) => [...part.querySelectorAll("details[open][id]")].map((one) => one.id);

const at = (frame) => frame.dataset.at || frame.getAttribute("src");

function reload(frame, address) {
  const top = frame.contentWindow.scrollY;
  frame.addEventListener("load", () => frame.contentWindow.scrollTo(0, top), { once: true });
  frame.dataset.at = address;
  frame.contentWindow.location.replace(address); // a new src would be one more step on the way back
}

async function visit(address, push = true) {
  const mine = underWay = { address, push };
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== underWay) return;
  underWay = null;
  if (!fresh.querySelector("#workshop")) { location.assign(address); return; }
  put(fresh);
  if (push && address !== location.href) history.pushState(null, "", address);
}

// A choice that is under way is not lost to a template that changes in between.
const here = () => visit(underWay?.address ?? location.href, underWay?.push ?? false).catch(() => say("lost", "The server does not answer; trying again."));

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-live], .toggles a");
  if (!link || !page.contains(link) || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  visit(link.href).catch(() => location.assign(link.href));
});

page.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-live]");
  if (!form) return;
  const chooses = event.target.dataset.chooses;
  if (chooses) form.querySelector(`input[name=whose][value=${chooses}]`).checked = true;
  const said = [...new FormData(form)].filter(([, value]) => value !== "");
  visit(`${form.getAttribute("action")}?${new URLSearchParams(said)}`);
});

// A menu closes when somebody looks elsewhere.
document.addEventListener("pointerdown", (event) => {
  for (const menu of page.querySelectorAll("details:has(.menu)[open]")) if (!menu.contains(event.target)) menu.open = false;
});

window.addEventListener("popstate", () => {
  underWay = null;
  here();
});

const live = document.querySelector("#w-live");
function say(state, text) {
  live.dataset.state = state;
  live.textContent = text;
}

const changes = new EventSource(page.dataset.changes);
changes.addEventListener("open", () => say("live", "Watching the templates: save one, and the letter follows."));
changes.addEventListener("error", () => say("lost", "The server does not answer; trying again."));
changes.addEventListener("message", async () => {
  await here();
  say("live", `Laid out anew at ${new Date().toLocaleTimeString()}.`);
});
