// @ts-check
// What guests of review links say of takes: approved, or changes wanted; a guest says so here, makers read it.

import * as api from "./api.js";
import { h, icon } from "./dom.js";
import { t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ApprovalFacts, ApprovalState } from "../types/page.js" */

/** @type {[ApprovalState, "check" | "cross"][]} */
const STATES = [
  ["approved", "check"],
  ["changes", "cross"],
];

/**
 * What makers write behind the name of a guest; see `vbench.web.guests`.
 * @param {string} author
 */
const guestOf = (author) => author.replace(/ \(guest\)$/, "");

/**
 * The author of a note, in the page's language.
 * @param {string} author
 */
export function spokenAuthor(author) {
  const name = guestOf(author);
  return name === author ? author : t("review.guest", { name });
}

/**
 * The last word of each guest; one who has several links may have said several things.
 * @param {ApprovalFacts[]} said
 */
const lastWords = (said) => [
  ...new Map([...said].sort((a, b) => a.updated.localeCompare(b.updated)).map((one) => [one.guest, one])).values(),
];

/** @param {ApprovalFacts} said */
function chip({ guest, state }) {
  const words = `${guest}: ${t(`approval.${state}`)}`;
  const mark = state === "approved" ? "✓" : "✎";
  return h("span", { class: "approval", dataset: { state }, title: words, "aria-label": words }, `${mark} ${guest}`);
}

export class Approvals extends EventTarget {
  /** @type {ApprovalFacts[]} */ all = [];

  /** @param {App} app */
  constructor(app) {
    super();
    this.app = app;
  }

  get #isGuest() {
    return this.app.bench.mode === "review";
  }

  async load() {
    this.all = await api.get("approvals");
    this.dispatchEvent(new Event("change"));
  }

  /**
   * What guests say of a take, and what a guest may say.
   * @param {string} clip
   * @param {{isSpelled?: boolean}} [options] isSpelled: with words on the buttons, where there is room
   */
  of(clip, { isSpelled = false } = {}) {
    const own = this.#isGuest ? guestOf(this.app.bench.account) : "";
    const said = lastWords(this.all.filter((one) => one.clip === clip));
    const chips = said.filter((one) => !own || one.guest !== own).map(chip);
    if (!own || !this.app.bench.permissions.annotate) return chips;
    const mine = said.find((one) => one.guest === own)?.state ?? "";
    const buttons = STATES.map(([state, name]) => {
      const word = t(`approval.${state}.say`);
      return h(
        "button",
        {
          type: "button",
          title: word,
          "aria-label": word,
          class: `${isSpelled ? "" : "icon-button "}${state}${mine === state ? " on" : ""}`,
          "aria-pressed": String(mine === state),
          onclick: (event) => {
            event.stopPropagation();
            void this.#say(clip, own, mine === state ? "" : state);
          },
        },
        icon(name),
        isSpelled && word,
      );
    });
    const group = { class: "approval approve", role: "group", "aria-label": t("approval.label") };
    return [...chips, h("div", group, buttons)];
  }

  /**
   * @param {string} clip
   * @param {string} guest
   * @param {ApprovalState | ""} state
   */
  async #say(clip, guest, state) {
    await this.app.attempt(async () => {
      await api.send("PUT", `approvals/${clip}`, { state });
      this.all = this.all.filter((one) => one.clip !== clip || one.guest !== guest);
      if (state) this.all.push({ review: "", clip, guest, state, updated: "" });
      this.app.announce(t(state ? `approval.${state}` : "approval.none"));
      this.dispatchEvent(new Event("change"));
    });
  }
}
