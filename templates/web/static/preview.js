/* Live preview: choices take effect immediately, and a changed template shows within a second. */
"use strict";

const page = document.querySelector("#preview");
const PARTS = ["w-controls", "w-said", "w-summary", "w-tabs", "w-view", "w-actions"];
let underWay = null; // the pending request: only the most recent one counts

document.documentElement.classList.add("scripted");

// Unchanged parts stay in place: forms keep what is being typed, and frames are not reloaded.
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
  // Everything around the frames may change. The frames stay in the document, because moving one reloads it.
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
  frame.contentWindow.location.replace(address); // setting src would add a history entry
}

async function visit(address, push = true) {
  const mine = underWay = { address, push };
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== underWay) return;
  underWay = null;
  if (!fresh.querySelector("#preview")) { location.assign(address); return; }
  put(fresh);
  if (push && address !== location.href) history.pushState(null, "", address);
}

// A pending choice must not get lost when a template changes in the meantime.
const here = () => visit(underWay?.address ?? location.href, underWay?.push ?? false).catch(() => say("lost", "The server is not responding. Retrying…"));

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

// A click outside a menu closes it.
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
changes.addEventListener("open", () => say("live", "Watching the templates. Save one to update the preview."));
changes.addEventListener("error", () => say("lost", "The server is not responding. Retrying…"));
changes.addEventListener("message", async () => {
  await here();
  say("live", `Updated at ${new Date().toLocaleTimeString()}.`);
});
