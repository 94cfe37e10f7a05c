// @ts-check
// What is decided about takes: changed by click or key, kept on the server, undone and redone, also after a reload.

import * as api from "./api.js";
import { h, iconButton } from "./dom.js";
import { t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { Choice, ClipFacts, RejectReason, SelectState, Shown } from "../types/page.js" */

/** @type {SelectState[]} */
export const STATES = ["maybe", "selected", "approved", "reject"];
/** In the order of the keys 1 to 9 and 0. @type {RejectReason[]} */
export const REASONS = ["hands", "face", "melts", "physics", "text", "camera", "prompt", "light", "sound", "other"];
const MOST_STEPS = 100;

/** @typedef {{id: string, before: Choice, after: Choice}} Step */

/**
 * What is decided about a take.
 * @param {Partial<Pick<Shown, "stars" | "state" | "reason" | "ranges">>} clip
 * @returns {Choice}
 */
export function choiceOf(clip) {
  return { stars: clip.stars ?? 0, state: clip.state ?? "", reason: clip.reason ?? "", ranges: clip.ranges ?? [] };
}

/**
 * A choice after a change: only what is rejected has a reason, and a rejected take has no stars.
 * @param {Choice} choice
 * @param {Partial<Choice>} change
 * @returns {Choice}
 */
export function changed(choice, change) {
  const next = { ...choice, ...change };
  if (next.state !== "reject") next.reason = "";
  if (next.state === "reject" && "state" in change) next.stars = 0;
  if (change.stars && next.state === "reject") next.state = next.reason = "";
  return next;
}

/**
 * Ranges with one more; those that meet become one.
 * @param {readonly (readonly number[])[]} ranges
 * @param {number} start
 * @param {number} end
 * @returns {[number, number][]}
 */
export function withRange(ranges, start, end) {
  /** @type {[number, number][]} */
  const joined = [];
  for (const [from, to] of [...ranges, [start, end]].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last && from <= last[1] + 1e-6) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/**
 * So many of these, each tool once before any has a second.
 * @template {{model: string}} T
 * @param {readonly T[]} clips
 * @param {number} n
 * @returns {T[]}
 */
export function roundRobin(clips, n) {
  /** @type {Map<string, T[]>} */
  const byTool = new Map();
  for (const clip of clips) byTool.set(clip.model, [...(byTool.get(clip.model) ?? []), clip]);
  /** @type {Set<T>} */
  const picked = new Set();
  for (let turn = 0; picked.size < Math.min(n, clips.length); turn += 1)
    for (const own of byTool.values()) if (turn < own.length && picked.size < n) picked.add(own[turn]);
  return clips.filter((clip) => picked.has(clip));
}

/** Tells `change` with the choices as they are then: id → choice. */
export class Selects extends EventTarget {
  /** @param {App} app */
  constructor(app) {
    super();
    this.app = app;
    /** @type {{past: Step[][], future: Step[][]}} */
    this.history = { past: [], future: [] };
  }

  get #key() {
    return `vbench.selects.${this.app.bench.name}`;
  }

  /** What could be undone before the page was reloaded. */
  recall() {
    try {
      this.history = JSON.parse(sessionStorage.getItem(this.#key) ?? "null") ?? this.history;
    } catch {
      /* private window, or another version's: nothing to undo */
    }
  }

  #remember() {
    this.history.past.splice(0, this.history.past.length - MOST_STEPS);
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.history));
    } catch {
      /* private window: only this page forgets */
    }
  }

  /**
   * Change what is decided about takes, as one step that can be undone.
   * @param {readonly ClipFacts[]} clips
   * @param {Partial<Choice> | ((choice: Choice) => Partial<Choice>)} change
   */
  async change(clips, change) {
    const steps = clips.flatMap((clip) => {
      const before = choiceOf(clip);
      const after = changed(before, typeof change === "function" ? change(before) : change);
      return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ id: clip.id, before, after }];
    });
    if (!steps.length) return;
    if (await this.#store(steps, "after")) {
      this.history.past.push(steps);
      this.history.future = [];
      this.#remember();
    }
  }

  undo() {
    return this.#turn("past", "future", "before", "select.undone");
  }

  redo() {
    return this.#turn("future", "past", "after", "select.redone");
  }

  /**
   * @param {"past" | "future"} from
   * @param {"past" | "future"} to
   * @param {"before" | "after"} side
   * @param {string} word
   */
  async #turn(from, to, side, word) {
    const steps = this.history[from].pop();
    if (!steps) return this.app.toast(t("select.nothing"));
    if (await this.#store(steps, side)) {
      this.history[to].push(steps);
      this.app.toast(t(word, { n: steps.length }));
    } else this.history[from].push(steps);
    this.#remember();
    return undefined;
  }

  /**
   * Shown at once; taken back where the server does not keep it.
   * @param {Step[]} steps
   * @param {"before" | "after"} side
   */
  async #store(steps, side) {
    this.#tell(steps, side);
    const kept = await this.app.attempt(async () => {
      if (steps.length === 1) await api.put(`selects/${steps[0].id}`, steps[0][side]);
      else await api.put("selects", { choices: steps.map((step) => ({ clip: step.id, ...step[side] })) });
      return true;
    });
    if (!kept) this.#tell(steps, side === "after" ? "before" : "after");
    return Boolean(kept);
  }

  /**
   * @param {Step[]} steps
   * @param {"before" | "after"} side
   */
  #tell(steps, side) {
    this.dispatchEvent(new CustomEvent("change", { detail: new Map(steps.map((step) => [step.id, step[side]])) }));
  }
}

/**
 * Stars of a take as five buttons, and whether it is used or out.
 * @param {Pick<Shown, "stars" | "state" | "reason">} clip
 * @param {(change: Partial<Choice>) => unknown} onchange
 */
export function rating(clip, onchange) {
  const element = h("div", { class: "rating", role: "group", "aria-label": t("select.label") });
  /**
   * @param {"star" | "check" | "cross"} name
   * @param {string} label
   * @param {boolean} on
   * @param {boolean} pressed
   * @param {string} kind
   * @param {Partial<Choice>} change
   */
  const button = (name, label, on, pressed, kind, change) =>
    iconButton(
      name,
      label,
      (event) => {
        event.stopPropagation();
        onchange(change);
      },
      { class: `icon-button ${kind}${on ? " on" : ""}`, "aria-pressed": String(pressed) },
    );
  const used = clip.state === "selected" || clip.state === "approved";
  element.append(
    ...[1, 2, 3, 4, 5].map((n) =>
      button("star", t("select.stars", { n }), n <= (clip.stars ?? 0), n === clip.stars, "star", {
        stars: clip.stars === n ? 0 : n,
      }),
    ),
    button("check", t("select.use"), used, used, "use", { state: used ? "" : "selected" }),
    button("cross", t("select.reject"), clip.state === "reject", clip.state === "reject", "reject", {
      state: clip.state === "reject" ? "" : "reject",
    }),
  );
  return element;
}

/**
 * What was decided, in a word; empty where nothing was.
 * @param {Pick<Shown, "state" | "reason">} clip
 */
export function stateWords(clip) {
  if (!clip.state) return "";
  return clip.reason ? `${t("state.reject")}: ${t(`reject.${clip.reason}`)}` : t(`state.${clip.state}`);
}

/**
 * Ask why takes are out; a key for each reason, Enter for none.
 * @param {App} app
 * @param {(reason: RejectReason) => unknown} onreason
 */
export function askReason(app, onreason) {
  /** @param {RejectReason} reason */
  const pick = (reason) => {
    dialog.close();
    onreason(reason);
  };
  const list = h(
    "div",
    { class: "reasons" },
    h("button", { type: "button", class: "primary", onclick: () => pick("") }, t("reject.none"), h("kbd", {}, "↵")),
    REASONS.map((reason, index) =>
      h(
        "button",
        { type: "button", onclick: () => pick(reason) },
        t(`reject.${reason}`),
        h("kbd", {}, String((index + 1) % 10)),
      ),
    ),
  );
  const dialog = app.ask(t("reject.title"), list);
  dialog.addEventListener("keydown", (event) => {
    const place = "1234567890".indexOf(event.key);
    if (place < 0) return;
    event.preventDefault();
    pick(REASONS[place]);
  });
  list.querySelector("button")?.focus();
}
