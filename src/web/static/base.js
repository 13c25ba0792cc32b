// What every page's script shares: times as the reader's clock says them, and live events.
// Every page can be read without script, and its forms work without it too.

export const body = document.body;
export const all = (selector, from = document) => [...from.querySelectorAll(selector)];
export const one = (selector, from = document) => from.querySelector(selector);

// ---- times

const today = new Date().toDateString();

/** Says how long ago a moment was, as the server says it too. */
function relative(at) {
  const seconds = Math.round((Date.now() - at) / 1000);
  const far = Math.abs(seconds);
  if (far < 10) return "just now";
  if (far >= 30 * 86400) return at.toISOString().slice(0, 10);
  const [size, unit] = far < 60 ? [1, "s"] : far < 3600 ? [60, "min"] : far < 86400 ? [3600, "h"] : [86400, far < 172800 ? "day" : "days"];
  const span = `${Math.floor(far / size)} ${unit}`;
  return seconds > 0 ? `${span} ago` : `in ${span}`;
}

export function localTimes(from) {
  for (const time of all("time", from)) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = at.toLocaleString();
    if (time.dataset.rel !== undefined) { time.textContent = relative(at); continue; }
    const clock = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const day = at.toLocaleDateString([], { month: "short", day: "numeric" });
    time.textContent = at.toDateString() === today ? clock : `${day}, ${clock}`;
  }
}

setInterval(() => {
  for (const time of all("time[data-rel]")) {
    const words = relative(new Date(time.dateTime));
    if (time.textContent !== words) time.textContent = words;
  }
}, 10000);

// ---- live events

const live = one("[data-live]");
let seq = Number(body.dataset.seq || 0);
let source = null;
let retry = null;
let resume = null;

export function say(state, words) {
  if (!live) return;
  live.classList.toggle("on", state === "on");
  live.classList.toggle("off", state === "off");
  one(".words", live).textContent = words;
}

/**
 * Listens anew. `ask` gives what the page shows, as the query of the events' address; `handlers`
 * take what comes, by the event's name.
 */
export function listen(ask, handlers) {
  hush();
  resume = () => listen(ask, handlers);
  const query = new URLSearchParams({ ...ask(), after: String(seq) });
  const events = new EventSource(`/events?${query}`);
  source = events;
  events.addEventListener("open", () => say("on", "live"));
  for (const [name, handle] of Object.entries(handlers)) {
    events.addEventListener(name, (event) => {
      seq = Number(event.lastEventId) || seq;
      handle(JSON.parse(event.data));
    });
  }
  events.addEventListener("elsewhere", (event) => {
    seq = Number(event.lastEventId) || seq;
    const { channel } = JSON.parse(event.data);
    const link = all("[data-place]").find((link) => link.dataset.place === channel);
    if (link) one(".unread", link).hidden = false;
  });
  events.addEventListener("signed-out", () => { events.close(); location.reload(); });
  events.addEventListener("error", () => {
    say("off", "reconnecting…");
    // The browser tries again by itself, unless it was refused.
    if (events.readyState === EventSource.CLOSED) retry = setTimeout(resume, 3000);
  });
}

function hush() {
  source?.close();
  clearTimeout(retry);
}

// Browsers keep a page for "back" with its connection open, and open no more than six to one host:
// without this the seventh page would wait for a minute. Who comes back hears what was missed.
addEventListener("pagehide", hush);
addEventListener("pageshow", (event) => { if (event.persisted) resume?.(); });

// ---- keys

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const main = one("[data-main]");
  if (main) { event.preventDefault(); main.focus(); }
});
