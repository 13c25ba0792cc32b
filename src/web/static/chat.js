// The chat: messages as they come, sending without reload, threads beside the channel.

import { all, body, listen as hear, localTimes, one, say } from "./base.js";
import { completing, grow } from "./complete.js";

const me = body.dataset.me;

// ---- lists of messages

const nearEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 120;
const toEnd = (box) => { box.scrollTop = box.scrollHeight; };

function show(list, id, sent, html) {
  const ol = document.getElementById(`messages-${list}`);
  if (!ol || (list === "stream" && body.dataset.latest === undefined)) return;
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  const next = template.content.firstElementChild;
  localTimes(next);
  const box = ol.closest(".scroll");
  const follow = nearEnd(box);
  const present = document.getElementById(next.id);
  if (present) {
    const focused = present.contains(document.activeElement) ? document.activeElement : null;
    const place = focused && all("button, a", present).indexOf(focused);
    present.replaceWith(next);
    if (focused) all("button, a", next)[place]?.focus({ preventScroll: true });
  } else {
    const first = ol.firstElementChild;
    if (first && Number(first.dataset.sent) > sent) return; // older than what this page shows
    const after = all(":scope > .message", ol).find((other) => Number(other.dataset.sent) > sent);
    next.classList.add("fresh");
    ol.insertBefore(next, after || null);
    one(".empty", box)?.setAttribute("hidden", "");
  }
  if (follow || (!present && next.dataset.author === me)) toEnd(box);
}

// ---- live events

function watched() {
  const query = {};
  if (body.dataset.channel) query.channel = body.dataset.channel;
  const root = one(".thread")?.dataset.root;
  if (root) query.thread = root;
  return query;
}

const listen = () => hear(watched, {
  message: ({ list, id, sent, html }) => show(list, id, sent, html),
});

// ---- sending

async function send(form) {
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { accept: "application/json" },
    body: new URLSearchParams(new FormData(form)),
    redirect: "error",
  });
  if (answer.status === 401) { location.reload(); return; }
  if (answer.ok) return;
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.error || "this was not sent; reload the page and try again");
}

function nonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function sendMessage(form) {
  const text = form.elements.text;
  const problem = one(".problem", form);
  if (!text.value.trim() || form.dataset.busy !== undefined) return;
  form.dataset.busy = "";
  problem.hidden = true;
  try {
    await send(form);
    text.value = "";
    form.elements.nonce.value = nonce();
    grow(text);
  } catch (error) {
    const offline = error instanceof TypeError;
    problem.textContent = offline ? "Tribune does not answer. Your text is kept: try again." : error.message;
    problem.hidden = false;
  } finally {
    delete form.dataset.busy;
    text.focus();
  }
}

/** Sends a form of one button: a reaction, or deleting one's own message. */
async function press(form) {
  const button = one("button", form);
  button.disabled = true;
  try {
    await send(form);
  } catch (error) {
    button.title = error.message;
    say("off", error instanceof TypeError ? "Tribune does not answer" : error.message);
  } finally {
    button.disabled = false;
    if (button.isConnected) button.focus({ preventScroll: true });
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-composer]")) { event.preventDefault(); sendMessage(form); }
  if (form.matches("[data-react]")) { event.preventDefault(); press(form); }
  if (form.matches("[data-delete]")) {
    event.preventDefault();
    if (confirm("Delete this message?")) press(form);
  }
});

// ---- threads open and close beside the channel without leaving the page

let here = location.pathname;
async function open(url, push = true) {
  let page;
  try {
    const answer = await fetch(url, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.statusText);
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    location.assign(url);
    return;
  }
  const next = one(".thread", page);
  // The channel becomes narrower or wider; who was at its end stays there.
  const channel = one(".stream .scroll");
  const atEnd = channel && nearEnd(channel);
  one(".thread")?.remove();
  body.classList.toggle("at-thread", Boolean(next));
  if (next) {
    body.append(document.importNode(next, true));
    ready(one(".thread"));
    toEnd(one(".thread .scroll"));
  }
  if (atEnd) toEnd(channel);
  if (push) history.pushState({}, "", url);
  here = location.pathname;
  listen();
  const focus = one(".thread textarea") || one(".stream textarea");
  focus?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-thread], a[data-close], a.when");
  if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  open(link.href);
});
window.addEventListener("popstate", () => {
  if (location.pathname !== here) open(location.href, false); // else only the part after # changed
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  const close = one(".thread .close");
  if (close) { event.preventDefault(); open(close.href); }
});

function ready(from) {
  localTimes(from);
  for (const form of all("[data-composer]", from)) { completing(form); grow(form.elements.text); }
}

ready(document);
for (const box of all(".scroll")) toEnd(box);
if (location.hash.length > 1) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView({ block: "center" });
if (body.classList.contains("chat")) {
  if (matchMedia("(min-width: 701px)").matches) (one(".thread textarea") || one("[data-main]"))?.focus({ preventScroll: true });
  listen();
}
