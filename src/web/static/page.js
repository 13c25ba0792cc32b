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

listen(() => ({ page: "true" }), { changed: refresh });
