// Pages beside the chat: what has changed is fetched and put in place, part by part, so that
// focus, scroll and what is being typed stay as they are.

import { all, body, listen, localTimes, one } from "./base.js";

const served = new WeakMap(); // each part as the server sent it
for (const part of all("[data-part]")) served.set(part, part.innerHTML);
localTimes(document);

const focusable = "a[href], button, input, select, textarea, summary, [tabindex]";

/** Puts a part's new content in place; focus and open details stay. */
function replace(part, next) {
  const html = next.innerHTML;
  if (served.get(part) === html) return;
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const place = focused && all(focusable, part).indexOf(focused);
  const key = focused?.getAttribute("href") || focused?.id;
  const open = all("details[open]", part).map((details) => details.id).filter(Boolean);
  part.innerHTML = html;
  served.set(part, html);
  localTimes(part);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (!focused) return;
  const list = all(focusable, part);
  const same = key && list.find((item) => item.getAttribute("href") === key || item.id === key);
  (same || list[Math.min(place, list.length - 1)] || one("#page")).focus({ preventScroll: true });
}

let busy = false;
let again = false;

/** Fetches this page again and replaces the parts that differ. */
export async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.status === 401 || answer.status === 403) { location.reload(); return; }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of all("[data-part]")) {
      const next = page.getElementById(part.id);
      if (next) replace(part, next);
    }
  } catch {
    // Tribune does not answer: the live mark says so, and events come again with it.
  } finally {
    busy = false;
    if (again) { again = false; refresh(); }
  }
}

// Filters apply as soon as one is chosen; without script their button does it.
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-filters]");
  if (form && event.target.matches("select, input[type=checkbox], input[type=radio]")) form.requestSubmit();
});

// The command that a form makes is shown as it grows; the server writes it.
const composing = one("form[data-line]");
let drawing = null;
async function draw() {
  const query = new URLSearchParams(new FormData(composing));
  for (const name of ["csrf", "nonce"]) query.delete(name);
  const url = `${location.pathname}?${query}`;
  history.replaceState({}, "", url);
  await refresh();
}
composing?.addEventListener("input", () => { clearTimeout(drawing); drawing = setTimeout(draw, 150); });
for (const button of all("[data-noscript]")) button.hidden = true;

// Text to take along.
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
  await navigator.clipboard?.writeText(text).catch(() => {});
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1500);
});

// ---- a run's output as it comes

const log = one("#log");

function asked() {
  const query = { page: "true" };
  if (log?.dataset.running !== undefined) { query.run = log.dataset.run; query.from = log.dataset.to; }
  return query;
}

function output({ from, to, text, tail, dropped, over }) {
  if (!log || from !== Number(log.dataset.to)) { hear(); return; } // something was missed: from here on again
  if (text) one("#log-head").append(text);
  log.dataset.to = to;
  if (tail !== null) one("#log-tail").textContent = tail;
  one("#log-dropped").textContent = dropped;
  one("#log-cut").hidden = dropped === 0;
  if (text || tail) one("#log-none").hidden = true;
  if (one("[data-follow] input")?.checked) log.scrollTop = log.scrollHeight;
  if (!over) return;
  delete log.dataset.running;
  one("[data-follow]").hidden = true;
  if (to === 0) one("#log-none").textContent = "It printed nothing.";
  refresh();
}

if (log?.dataset.running !== undefined) log.scrollTop = log.scrollHeight;

const hear = () => listen(asked, { changed: refresh, output });
hear();
addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
