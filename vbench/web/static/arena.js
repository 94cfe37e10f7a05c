// @ts-check
// Blind pairs: two takes of one prompt, no names before the vote, six outcomes by key, the reveal after.

import * as api from "./api.js";
import { h, put, targetOf } from "./dom.js";
import { ARENA_KEYS, commandFor, isTyping, keyName } from "./keys.js";
import { Player } from "./player.js";
import { num, sentenceOf, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { KeyRow, Outcome, PairFacts, Reveal, Shown, ShownFacts, SideFacts } from "../types/page.js" */

/** @type {Outcome[]} */
const OUTCOMES = ["left", "tie", "right", "both_bad", "skip", "broken"];
/** On a narrow screen the takes lie one above the other. */
const isStacked = () => matchMedia("(max-width: 640px)").matches;
/**
 * The row of the keyboard map that an outcome has.
 * @param {Outcome} outcome
 */
const rowOf = (outcome) => /** @type {KeyRow} */ (ARENA_KEYS.find(([, command]) => command === outcome));
/** @param {Outcome} outcome */
const words = (outcome) => {
  if (isStacked() && outcome === "left") return t("arena.upper");
  if (isStacked() && outcome === "right") return t("arena.lower");
  return t(rowOf(outcome)[2]);
};

/**
 * Why a vote is kept without counting, in the page's words.
 * @param {string} reason
 */
const excludedWord = (reason) => {
  if (reason.includes("not watched")) return t("arena.unwatched");
  return t(reason.includes("less time") ? "arena.hurried" : "arena.crowded");
};

/** @type {readonly ("prompt" | "motion" | "look")[]} */
const ASPECTS = ["prompt", "motion", "look"];
/** @type {readonly ("left" | "tie" | "right")[]} */
const SIDES = ["left", "tie", "right"];
/** @type {Record<string, string>} */
const STACKED = { left: "upper", right: "lower" };
/** @typedef {Partial<Record<(typeof ASPECTS)[number], (typeof SIDES)[number]>>} Aspects */

class Arena {
  /** @type {PairFacts | null} */ pair = null;
  /** @type {Promise<PairFacts> | null} */ ahead = null;
  /** @type {HTMLElement} */ prompt;
  /** @type {HTMLElement} */ stage;
  /** @type {HTMLButtonElement[]} */ buttons;
  /** @type {HTMLElement} */ panel;
  /** @type {HTMLElement} */ hint;

  /**
   * @param {App} app
   * @param {HTMLElement} element
   * @param {string} query
   */
  constructor(app, element, query) {
    this.app = app;
    this.element = element;
    this.filters = {
      prompt: new URLSearchParams(query).get("prompt") ?? "",
      tag: new URLSearchParams(query).get("tag") ?? "",
    };
    this.player = new Player({ blind: true });
    this.abort = new AbortController();
    this.voted = false;
    /** @type {Aspects} */
    this.aspects = {};
  }

  async open() {
    this.prompt = h("h1", { class: "arena-prompt" });
    this.stage = h("div", { class: "arena-stage" });
    this.buttons = OUTCOMES.map((outcome) =>
      h(
        "button",
        { type: "button", class: `vote vote-${outcome}`, dataset: { outcome }, onclick: () => void this.vote(outcome) },
        h("span", {}, words(outcome)),
        h("kbd", {}, keyName(rowOf(outcome)[0][0])),
      ),
    );
    this.panel = h("div", { class: "arena-panel" });
    this.hint = h("p", { class: "hint" }, t("arena.hint"));
    put(this.element, h("div", { class: "arena" }, this.prompt, this.stage, this.panel, this.hint));
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.abort.signal });
    document.addEventListener(
      "visibilitychange",
      () => {
        if (document.hidden) this.player.pause();
      },
      { signal: this.abort.signal },
    );
    this.player.addEventListener("refused", () => this.app.toast(t("player.refused"), "error"));
    this.player.addEventListener("takes", () =>
      put(
        this.stage,
        this.player.takes.map((take) => take.element),
      ),
    );
    await this.next();
  }

  async next() {
    this.voted = false;
    let pair;
    try {
      pair = await (this.ahead ?? api.get("arena/pair", this.filters));
    } catch (error) {
      this.ahead = null;
      put(this.panel);
      if (!(error instanceof api.ApiError) || error.status === 0 || error.status >= 500) throw error;
      put(
        this.element,
        this.app.empty(
          t("arena.emptyTitle"),
          `${sentenceOf(error)}\n${t("arena.emptyText")}`,
          this.app.link("", "", t("compare.toWall")),
        ),
      );
      return;
    }
    this.ahead = null;
    if (this.abort.signal.aborted) return;
    this.pair = pair;
    this.prompt.textContent = pair.prompt;
    put(
      this.panel,
      h("div", { class: "votes", role: "group", "aria-label": t("arena.which") }, this.buttons),
      this.#aspects(),
    );
    for (const button of this.buttons) button.disabled = false;
    /**
     * @param {SideFacts} facts
     * @param {string} name
     * @returns {Shown}
     */
    const side = (facts, name) => ({
      ...facts,
      id: name,
      model: "",
      proxy_url: facts.url,
      has_audio: false,
      missing: "",
    });
    const opened = this.player.open([side(pair.left, "left"), side(pair.right, "right")]);
    for (const take of this.player.takes)
      take.element.setAttribute("aria-label", t(take.index ? "arena.rightTake" : "arena.leftTake"));
    this.player.set({ ending: "shortest", looping: true });
    await opened;
    if (this.pair !== pair || this.abort.signal.aborted) return;
    this.element.dataset.ready = "1";
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) void this.player.play();
  }

  /** @returns {import("../types/api.js").components["schemas"]["Watched"]} */
  #watched() {
    const [left, right] = this.player.takes;
    return {
      left_s: Math.round(left.watchedS * 1000) / 1000,
      right_s: Math.round(right.watchedS * 1000) / 1000,
      left_plays: left.plays,
      right_plays: right.plays,
      muted: true,
      playback_rate: this.player.rate,
      device_width: innerWidth,
      prompt_shown: true,
      order: "both",
      aspects: this.aspects,
    };
  }

  /**
   * Which is better in one respect, for whoever wants to say; asked before the names are shown, as nobody is blind
   * after that.
   */
  #aspects() {
    this.aspects = {};
    return h(
      "details",
      { class: "aspects" },
      h("summary", {}, t("arena.aspects")),
      ASPECTS.map((aspect) => {
        /** @type {HTMLButtonElement[]} */
        const buttons = SIDES.map((side) =>
          h(
            "button",
            {
              type: "button",
              "aria-pressed": "false",
              dataset: { side },
              onclick: () => {
                if (this.aspects[aspect] === side) delete this.aspects[aspect];
                else this.aspects[aspect] = side;
                for (const button of buttons)
                  button.setAttribute("aria-pressed", String(this.aspects[aspect] === button.dataset.side));
              },
            },
            t(`side.${isStacked() && side in STACKED ? STACKED[side] : side}`),
          ),
        );
        const word = t(`aspect.${aspect}`);
        return h(
          "div",
          { class: "aspect" },
          h("span", {}, word),
          h("div", { class: "segmented", role: "group", "aria-label": word }, buttons),
        );
      }),
    );
  }

  /** @param {Outcome} outcome */
  async vote(outcome) {
    if (this.voted || !this.pair) return;
    const { token } = this.pair;
    this.voted = true;
    for (const button of this.buttons) button.disabled = true;
    const reveal = await this.app.attempt(() => api.post("arena/vote", { token, outcome, watched: this.#watched() }));
    this.element.dataset.ready = "";
    if (!reveal) {
      // refused (another tab voted this pair, it expired): a new pair, nothing counted twice
      await this.app.attempt(() => this.next());
      return;
    }
    this.#reveal(reveal, outcome);
    this.ahead = api.get("arena/pair", this.filters);
    this.ahead.catch(() => {}); // said when it is asked for
  }

  /**
   * @param {Reveal} reveal
   * @param {Outcome} outcome
   */
  #reveal(reveal, outcome) {
    const ratings = Object.fromEntries(reveal.ratings.map((rating) => [rating.tool, rating]));
    /**
     * @param {ShownFacts} shown
     * @param {Outcome} name
     */
    const side = (shown, name) => {
      const rating = ratings[shown.model];
      return h(
        "div",
        { class: `shown${outcome === name ? " won" : ""}` },
        h("b", {}, shown.model),
        h(
          "span",
          { class: "unit" },
          rating && rating.low !== null
            ? t("arena.rating", { rating: num(rating.rating, 0), low: num(rating.low, 0), high: num(rating.high, 0) })
            : t("arena.unrated"),
        ),
      );
    };
    const link = this.app.link("compare", `takes=${reveal.left.clip},${reveal.right.clip}`, t("arena.compare"));
    const next = h(
      "button",
      { type: "button", class: "primary", onclick: () => void this.app.attempt(() => this.next()) },
      t("arena.next"),
      h("kbd", {}, "Enter"),
    );
    put(
      this.panel,
      h(
        "div",
        { class: "reveal", role: "status" },
        side(reveal.left, "left"),
        h(
          "div",
          { class: "reveal-middle" },
          h("p", {}, t("arena.said", { what: words(outcome) })),
          h(
            "p",
            { class: "unit" },
            reveal.excluded ? `${t("arena.excluded", { why: excludedWord(reveal.excluded) })} ` : "",
            t("arena.count", { n: reveal.n_votes }),
            reveal.n_repeats ? ` · ${t("arena.consistent", { n: reveal.n_consistent, of: reveal.n_repeats })}` : "",
          ),
          h("div", { class: "actions" }, next, link),
        ),
        side(reveal.right, "right"),
      ),
    );
    next.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (isTyping(event) && event.key !== "Enter") return;
    if (document.querySelector("dialog[open]") || event.repeat) return;
    const pressed = commandFor(event, ARENA_KEYS);
    if (!pressed || (event.key === "Enter" && (!this.voted || targetOf(event).closest?.("button, a, select")))) return;
    event.preventDefault();
    if (pressed.command === "toggle") this.player.toggle();
    else if (pressed.command === "replay") void this.player.seek(0).then(() => this.player.play());
    else if (pressed.command === "help")
      this.app.ask(
        t("key.help"),
        h(
          "dl",
          { class: "keymap" },
          ARENA_KEYS.map(([keys, , word]) =>
            h(
              "div",
              {},
              h(
                "dt",
                {},
                keys.map((key) => h("kbd", {}, keyName(key))),
              ),
              h("dd", {}, t(word)),
            ),
          ),
        ),
      );
    else if (pressed.command === "next") {
      if (this.voted) void this.app.attempt(() => this.next());
    } else void this.vote(/** @type {Outcome} */ (pressed.command));
  }

  close() {
    this.abort.abort();
    this.player.close();
  }
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {string} query
 */
export async function open(app, element, query) {
  const arena = new Arena(app, element, query);
  await arena.open();
  return arena;
}
