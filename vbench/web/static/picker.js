// @ts-check
// Pick a prompt: the bench's own and those of every suite, searched on the server, shown a hundred at a time.

import * as api from "./api.js";
import { choice, h, put } from "./dom.js";
import { num, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ChoiceFacts, ChoiceList, Option, ShelfFacts } from "../types/page.js" */

const SEARCH_AFTER_MS = 200;
const AT_ONCE = 100;

/**
 * Name of a shelf for people: a suite's own, or that of the bench.
 * @param {string} shelf
 */
export function shelfName(shelf) {
  return shelf || t("pick.bench");
}

class Picker {
  /** @type {ChoiceFacts[]} */ shown = [];
  /** @type {HTMLInputElement} */ search;
  /** @type {HTMLElement} */ shelves;
  /** @type {HTMLElement} */ list;
  /** @type {HTMLElement} */ note;
  /** @type {HTMLDialogElement} */ dialog;
  /** @type {number | undefined} */ timer;

  /**
   * @param {App} app
   * @param {(prompt: ChoiceFacts) => void} onpick
   */
  constructor(app, onpick) {
    this.app = app;
    this.onpick = onpick;
    this.words = "";
    this.shelf = ""; // of the list's value: "" all, else "=" and the name
    this.turn = 0;
  }

  open() {
    this.search = h("input", {
      type: "search",
      placeholder: t("pick.search"),
      "aria-label": t("pick.search"),
      oninput: () => {
        this.words = this.search.value;
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.#load(), SEARCH_AFTER_MS);
      },
    });
    this.shelves = h("span", {});
    this.list = h("div", { class: "choices" });
    this.note = h("p", { class: "hint", role: "status" });
    this.dialog = this.app.ask(
      t("pick.title"),
      h(
        "div",
        { class: "picker" },
        h("div", { class: "picker-head" }, this.search, this.shelves),
        this.note,
        this.list,
      ),
    );
    this.dialog.addEventListener("close", () => {
      this.turn += 1;
      clearTimeout(this.timer);
    });
    this.search.focus();
    void this.#load();
  }

  async #load(offset = 0) {
    const turn = ++this.turn;
    const query = new URLSearchParams({ q: this.words.trim(), offset: String(offset), limit: String(AT_ONCE) });
    if (this.shelf) query.set("shelf", this.shelf.slice(1)); // empty: the bench's own
    const answer = await this.app.attempt(() => api.get(`choices?${query}`));
    if (!answer || turn !== this.turn) return;
    this.shown = offset ? [...this.shown, ...answer.prompts] : answer.prompts;
    this.#draw(answer);
  }

  /** @param {ChoiceList} answer */
  #draw({ total, shelves }) {
    /** @param {ShelfFacts} shelf */
    const label = (shelf) => `${shelfName(shelf.name)} (${num(shelf.n, 0)})`;
    const all = shelves.reduce((sum, shelf) => sum + shelf.n, 0);
    const known = shelves.filter((shelf) => shelf.n > 0 || `=${shelf.name}` === this.shelf);
    put(
      this.shelves,
      choice(
        t("pick.suite"),
        [
          ["", `${t("pick.all")} (${num(all, 0)})`],
          ...known.map((shelf) => /** @type {Option} */ ([`=${shelf.name}`, label(shelf)])),
        ],
        this.shelf,
        (value) => {
          this.shelf = value;
          void this.#load();
        },
      ),
    );
    this.note.textContent = total ? "" : t("pick.none");
    /** @type {Map<string, ChoiceFacts[]>} */
    const groups = new Map();
    for (const prompt of this.shown) groups.set(prompt.shelf, [...(groups.get(prompt.shelf) ?? []), prompt]);
    const about = new Map(shelves.map((shelf) => [shelf.name, shelf.about]));
    put(
      this.list,
      shelves
        .filter((shelf) => shelf.problem)
        .map((shelf) =>
          h("p", { class: "failure" }, t("pick.broken", { name: shelfName(shelf.name) }), " ", shelf.problem),
        ),
      [...groups].map(([name, prompts]) =>
        h(
          "section",
          {},
          h("h3", {}, shelfName(name)),
          about.get(name) && h("p", { class: "unit" }, about.get(name)),
          h(
            "ul",
            {},
            prompts.map((prompt) =>
              h(
                "li",
                {},
                h(
                  "button",
                  {
                    type: "button",
                    class: "choice",
                    onclick: () => {
                      this.dialog.close();
                      this.onpick(prompt);
                    },
                  },
                  h("span", { class: "choice-text" }, prompt.text),
                  h(
                    "span",
                    { class: "unit" },
                    [prompt.id, ...prompt.tags, prompt.n_clips > 0 && t("pick.takes", { n: num(prompt.n_clips, 0) })]
                      .filter(Boolean)
                      .join(" · "),
                  ),
                ),
              ),
            ),
          ),
        ),
      ),
      this.shown.length < total &&
        h(
          "button",
          { type: "button", onclick: () => void this.#load(this.shown.length) },
          t("pick.more", {
            n: num(Math.min(AT_ONCE, total - this.shown.length), 0),
            left: num(total - this.shown.length, 0),
          }),
        ),
    );
  }
}

/**
 * Open the dialog; `onpick` gets the prompt.
 * @param {App} app
 * @param {(prompt: ChoiceFacts) => void} onpick
 */
export function pickPrompt(app, onpick) {
  new Picker(app, onpick).open();
}
