// Tick the rules of a new password off as it is typed, and fill in a suggested one. Every page works without:
// the list is there to be read, and the server decides.
import { failures } from "./password_policy.js";

const PAUSE_MS = 1000;

/** Watch what is typed into `input`, for the rules of `list`. */
function watch(list, input) {
  const rules = JSON.parse(list.dataset.passwordRules);
  const lines = [...list.querySelectorAll("[data-rule]")].map((element) => new Line(element, list.dataset));
  let pause = 0;
  const tick = () => {
    const found = input.value === "" ? null : failures(input.value, rules);
    lines.forEach((line) => line.show(found));
    // Once, when the person pauses: nobody can listen and type.
    clearTimeout(pause);
    pause = setTimeout(() => say(lines.map((line) => line.news()).filter(Boolean).join(". ")), PAUSE_MS);
  };
  input.addEventListener("input", tick);
  // A browser may bring back what was typed before.
  window.addEventListener("pageshow", tick);
}

/** Let `button` fill its passphrase into `fields`. */
function offer(button, fields) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const field of fields) {
      field.value = button.dataset.suggestion;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    say(button.dataset.used);
  });
}

/** Tell those who listen. */
function say(text) {
  const status = document.querySelector("[data-password-status]");
  if (status && text) {
    // The same words again would be no change, and go unheard.
    status.textContent = status.textContent === text ? `${text}\u00a0` : text;
  }
}

/** A line of the list: one rule, in words, by class and for those who listen. */
class Line {
  constructor(element, words) {
    this.element = element;
    this.words = words;
    this.state = element.querySelector("[data-state]");
    this.fragment = element.querySelector("[data-fragment]");
    this.sentence = [...element.childNodes]
      .filter((node) => node !== this.state && node !== this.fragment)
      .map((node) => node.textContent)
      .join(" ")
      .trim();
    this.said = "";
  }

  /** `found` is what `failures` gave, or null while nothing is typed. */
  show(found) {
    const mine = (found ?? []).filter((failure) => failure.rule === this.element.dataset.rule);
    const state = found === null ? null : this.stateOf(mine);
    for (const each of ["met", "unmet", "later"]) {
      this.element.classList.toggle(`idp-rule--${each}`, each === state);
    }
    this.state.textContent = state === null ? "" : this.words[state];
    const fragments = mine.map((failure) => failure.fragment).filter((fragment) => fragment !== null);
    this.fragment.textContent = fragments.map((fragment) => `\u2018${fragment}\u2019`).join(" ");
  }

  stateOf(mine) {
    if (["common", "history"].includes(this.element.dataset.rule)) {
      return "later";
    }
    return mine.length ? "unmet" : "met";
  }

  /** What has changed since it was said last. What the server decides is no news. */
  news() {
    const is = `${this.state.textContent} ${this.fragment.textContent}`.trim();
    const isNew = is !== this.said && is !== this.words.later;
    this.said = is;
    return isNew && is ? `${this.sentence}: ${is}` : "";
  }
}

const list = document.querySelector("[data-password-rules]");
const input = list && document.getElementById(list.dataset.input);
if (input) {
  watch(list, input);
  const confirm = document.getElementById(`confirm_${input.id}`);
  for (const button of document.querySelectorAll("[data-suggestion]")) {
    offer(button, confirm ? [input, confirm] : [input]);
  }
}
