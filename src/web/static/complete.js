// The message box: its size, and what it offers to complete.

import { all, body, one } from "./base.js";

export function grow(text) {
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
  } else if (["whois", "audit"].includes(verb) || (["ban", "unban"].includes(verb) && typed.length === 2)) {
    found = people;
  } else if (verb === "ban" && !last.startsWith("\"") && (line.match(/"/g) || []).length === 2) {
    found = ["30m", "24h", "7d", "2w", "permanent"].map((length) => ({ text: length, note: "how long it lasts once merged" }));
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

export function completing(form) {
  const text = form.elements.text;
  const box = one(".offers", form);
  let list = [];
  let at = -1;
  const close = () => {
    list = [];
    at = -1;
    box.hidden = true;
    box.replaceChildren();
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
    mark(-1);
  };
  text.setAttribute("aria-autocomplete", "list");
  text.setAttribute("aria-controls", box.id);
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
