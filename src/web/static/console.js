// The console's script: live updates, sending without reload, threads beside the channel, and
// completion. Every page can be read without it, and forms work without it too.
"use strict";

const body = document.body;
const me = body.dataset.me;
let seq = Number(body.dataset.seq || 0);

const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const one = (selector, from = document) => from.querySelector(selector);

// ---- times as the reader's own clock says them

const today = new Date().toDateString();
function localTimes(from) {
  for (const time of all("time", from)) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const clock = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const day = at.toLocaleDateString([], { month: "short", day: "numeric" });
    time.textContent = at.toDateString() === today ? clock : `${day}, ${clock}`;
    time.title = at.toLocaleString();
  }
}

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

const live = one("[data-live]");
let source = null;
let retry = null;

function say(state, words) {
  if (!live) return;
  live.classList.toggle("on", state === "on");
  live.classList.toggle("off", state === "off");
  one(".words", live).textContent = words;
}

function listen() {
  source?.close();
  clearTimeout(retry);
  const query = new URLSearchParams({ after: String(seq) });
  if (body.dataset.channel) query.set("channel", body.dataset.channel);
  const root = one(".thread")?.dataset.root;
  if (root) query.set("thread", root);
  source = new EventSource(`/events?${query}`);
  source.addEventListener("open", () => say("on", "live"));
  source.addEventListener("message", (event) => {
    seq = Number(event.lastEventId) || seq;
    const { list, id, sent, html } = JSON.parse(event.data);
    show(list, id, sent, html);
  });
  source.addEventListener("elsewhere", (event) => {
    seq = Number(event.lastEventId) || seq;
    const { channel } = JSON.parse(event.data);
    const link = all("[data-place]").find((link) => link.dataset.place === channel);
    if (link) one(".unread", link).hidden = false;
  });
  source.addEventListener("signed-out", () => { source.close(); location.reload(); });
  source.addEventListener("error", () => {
    say("off", "reconnecting…");
    // The browser tries again by itself, unless it was refused.
    if (source.readyState === EventSource.CLOSED) retry = setTimeout(listen, 3000);
  });
}

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
  one(".thread")?.remove();
  body.classList.toggle("at-thread", Boolean(next));
  if (next) {
    body.append(document.importNode(next, true));
    ready(one(".thread"));
    toEnd(one(".thread .scroll"));
  }
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

// ---- the message box

function grow(text) {
  text.classList.toggle("command", text.value.startsWith("!"));
  if (CSS.supports("field-sizing", "content")) return;
  text.rows = Math.min(12, text.value.split("\n").length);
}

let words = null; // what the server said last
let asked = null; // when it was asked, and what it will say
/** Returns what can be completed: at once what is known, and asks anew behind it. */
function vocabulary() {
  if (!asked || Date.now() - asked.at > 10000) asked = { at: Date.now(), words: fetchWords() };
  return words || asked.words;
}

async function fetchWords() {
  const where = new URLSearchParams({ channel: body.dataset.channel || "@tribune" });
  const answer = await fetch(`/complete?${where}`, { headers: { accept: "application/json" } }).catch(() => null);
  if (answer?.ok) words = await answer.json();
  return words;
}

/** What may stand where the cursor is: a list of {text, note, space}. */
function offers(words, line) {
  const typed = line.split(/\s+/);
  const last = typed[typed.length - 1];
  const verb = typed[0].slice(1);
  const plain = (list, note) => list.map((item) => ({ text: item.name, note: note(item) }));
  const people = words.people.map((one) => ({ text: `@${one.name}`, note: one.full }));
  let found = [];
  if (typed.length === 1) {
    found = words.commands.map((one) => ({ text: `!${one.name}`, note: one.summary }));
  } else if (last.startsWith("@")) {
    found = people;
  } else if (["run", "check", "help"].includes(verb) && typed.length === 2) {
    const able = words.intents.filter((intent) => verb !== "check" || intent.can_check);
    found = plain(able, (intent) => intent.summary);
  } else if (["run", "check"].includes(verb)) {
    found = rest(words.intents.find((intent) => intent.name === typed[1]), typed.slice(2, -1), last);
  } else if (["approve", "deny", "cancel", "again", "status", "output", "who", "why"].includes(verb) && typed.length === 2) {
    found = plain(words.requests, (request) => request.summary);
    if (verb === "why") found = found.concat(people);
  } else if (verb === "why" && typed.length === 3 && typed[1].startsWith("@")) {
    found = plain(words.intents, (intent) => intent.summary);
  } else if (["whois", "audit"].includes(verb)) {
    found = people;
  }
  const wanted = last.toLowerCase();
  const starts = found.filter((offer) => offer.text.toLowerCase().startsWith(wanted));
  const holds = found.filter((offer) => !starts.includes(offer) && wanted.length > 1 && offer.text.toLowerCase().includes(wanted));
  return starts.concat(holds).filter((offer) => offer.text !== last).slice(0, 12);
}

/** What may follow an intent: targets after `on`, parameters, values after `name=`. */
function rest(intent, before, last) {
  if (!intent) return [];
  const name = last.includes("=") && last.slice(0, last.indexOf("="));
  if (name) {
    const param = intent.params.find((param) => param.name === name);
    return (param?.values || []).map((value) => ({ text: `${name}=${value}`, note: value === param.default ? "default" : "" }));
  }
  const given = before.map((word) => word.split("=")[0]);
  const on = before.indexOf("on");
  const open = on >= 0 && before.slice(on + 1).every((word) => !word.includes("="));
  const list = [];
  if (on < 0) list.push({ text: "on", note: `where: ${intent.targets.join(", ")}` });
  if (open) {
    for (const target of intent.targets) if (!before.includes(target)) list.push({ text: target, note: "target" });
  }
  if (!(open && on === before.length - 1)) {
    for (const param of intent.params) {
      if (given.includes(param.name)) continue;
      const kind = param.values.length ? param.values.join(" | ") : param.kind;
      const needed = param.default === null ? "needed" : `default ${param.default}`;
      list.push({ text: `${param.name}=`, note: `${param.summary || kind}, ${needed}`, space: false });
    }
    if (!before.includes("pr")) list.push({ text: "pr", note: "cite a merged pull request by its number" });
  }
  return list;
}

function completing(form) {
  const text = form.elements.text;
  const box = one(".offers", form);
  let list = [];
  let at = -1;
  const close = () => {
    list = [];
    at = -1;
    box.hidden = true;
    box.replaceChildren();
    text.setAttribute("aria-expanded", "false");
    text.removeAttribute("aria-activedescendant");
  };
  const mark = (next) => {
    at = next;
    all("li", box).forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    const chosen = box.children[at];
    if (chosen) { text.setAttribute("aria-activedescendant", chosen.id); chosen.scrollIntoView({ block: "nearest" }); }
    else text.removeAttribute("aria-activedescendant");
  };
  const take = (index) => {
    const offer = list[index];
    const head = text.value.slice(0, text.selectionStart);
    const kept = head.slice(0, head.length - head.split(/\s+/).pop().length);
    const put = kept + offer.text + (offer.space === false ? "" : " ");
    text.value = put + text.value.slice(text.selectionStart).trimStart();
    text.setSelectionRange(put.length, put.length);
    grow(text);
    text.focus();
    refresh();
  };
  const refresh = async () => {
    const head = text.value.slice(0, text.selectionStart);
    if (!head.startsWith("!") || head.includes("\n")) { close(); return; }
    const known = await vocabulary();
    if (!known || text.value.slice(0, text.selectionStart) !== head) return;
    list = offers(known, head);
    if (!list.length || document.activeElement !== text) { close(); return; }
    box.replaceChildren(...list.map((offer, index) => {
      const item = document.createElement("li");
      item.id = `${box.id}-${index}`;
      item.setAttribute("role", "option");
      const name = document.createElement("b");
      name.textContent = offer.text;
      const note = document.createElement("span");
      note.textContent = offer.note;
      item.append(name, note);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(index); });
      return item;
    }));
    box.hidden = false;
    text.setAttribute("aria-expanded", "true");
    mark(-1);
  };
  text.setAttribute("role", "combobox");
  text.setAttribute("aria-autocomplete", "list");
  text.setAttribute("aria-controls", box.id);
  text.setAttribute("aria-expanded", "false");
  text.addEventListener("input", () => { grow(text); refresh(); });
  text.addEventListener("focus", vocabulary);
  text.addEventListener("blur", close);
  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const many = list.length;
    if (many && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      mark(at < 0 && step < 0 ? many - 1 : (at + step + many) % many);
    } else if (many && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      take(Math.max(at, 0));
    } else if (many && event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (many && at >= 0) { take(at); return; }
      close();
      form.requestSubmit();
    }
  });
}

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
