// @ts-check
// What the keys and buttons of the player do: a table of commands over one comparison.

import { nextMoment } from "./curves.js";
import { h } from "./dom.js";
import { clockcode, frameAt } from "./framestep.js";
import { zoomAt } from "./gestures.js";
import { keyName, PLAYER_KEYS } from "./keys.js";
import { MODES } from "./link.js";
import { spoken } from "./moments.js";
import { askReason, withRange } from "./selects.js";
import { clockTime, localTime } from "./sync.js";
import { t } from "./words.js";

/** @import { Compare } from "./compare.js" */
/** @import { Player } from "./player.js" */
/** @import { Choice } from "../types/page.js" */

const WHOLE = { zoom: 1, x: 0, y: 0 };
/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

/**
 * @param {Compare} view
 * @param {number} frames
 */
function shiftTake({ player, focused }, frames) {
  const take = player.takes[focused];
  if (take) player.setOffset(focused, Math.round((take.offsetS + frames / take.fps) * 1e6) / 1e6);
}

/**
 * @param {Compare} view
 * @param {string[] | undefined} kinds undefined: all
 * @param {number} direction
 */
function jump({ app, player, timelines }, kinds, direction) {
  const to = nextMoment(timelines.moments(kinds), player.time, direction);
  if (!to) {
    app.toast(t(kinds ? "player.noWorst" : "player.noEvents"));
    return;
  }
  player.pause(false);
  void player.seek(to.timeS + 1e-3);
  app.toast(t("player.event", { what: spoken(to.event), take: to.take + 1, at: clockcode(to.timeS) }));
}

/**
 * @param {Compare} view
 * @param {number} direction
 */
function shuttle({ player }, direction) {
  const rate = player.playing ? player.clock.rate : 0;
  const next = Math.sign(rate) === direction ? clamp(rate * 2, -4, 4) : direction * (direction > 0 ? player.rate : 1);
  void player.play(next);
}

/**
 * @param {Compare} view
 * @param {number} direction
 */
function tune({ stage }, direction) {
  if (stage.mode === "overlay") stage.set({ mix: clamp(stage.mix + direction * 0.05, 0, 1) });
  else if (stage.mode === "wipe") stage.set({ wipe: clamp(stage.wipe + direction * 0.02, 0, 1) });
  else stage.set({ gain: clamp(stage.gain * (direction > 0 ? 1.25 : 0.8), 1, 32) });
}

/**
 * Alone on the stage where takes lie side by side; the one to hold against the first where they are stacked.
 * @param {Compare} view
 * @param {number} index
 */
function pick(view, index) {
  const { player, stage } = view;
  if (index >= player.takes.length) return;
  view.focusTake(index);
  if (stage.mode === "grid") stage.set({ only: stage.only === index ? null : index });
  else if (index !== stage.a) stage.set({ b: index });
}

/**
 * The take in focus from the in point to the out point is to be used, once both are set.
 * @param {Compare} view
 * @param {"inS" | "outS"} side
 */
function mark(view, side) {
  const { player } = view;
  const take = player.takes[view.focused];
  if (!take) return;
  const isWhole = player.inS !== null && player.outS !== null; // a pair was marked: this key begins the next one
  const frame = frameAt(localTime(player.time, take, player.ending).localS, take.fps, take.nFrames);
  const at = clockTime((frame + (side === "outS" ? 1 : 0)) / take.fps, take);
  const other = side === "inS" ? "outS" : "inS";
  const kept = isWhole ? null : player[other];
  const isInOrder = kept === null || (side === "inS" ? at < kept : at > kept);
  player.set(/** @type {Pick<Player, "inS" | "outS">} */ ({ [side]: at, [other]: isInOrder ? kept : null }));
  if (player.inS === null || player.outS === null) return;
  const [start, end] = [player.inS, player.outS].map((timeS) => timeS * take.speed + take.offsetS);
  /** @param {number} timeS */
  const exact = (timeS) => Math.round(Math.max(0, Math.min(timeS, take.clip.duration_s)) * 1000) / 1000;
  if (exact(end) <= exact(start)) return;
  view.decide((choice) => ({
    ranges: withRange(choice.ranges, exact(start), exact(end)),
    state: choice.state === "approved" ? choice.state : "selected",
  }));
  view.app.toast(t("select.range", { from: clockcode(exact(start)), to: clockcode(exact(end)), n: view.focused + 1 }));
}

/**
 * Take back the range under the playhead.
 * @param {Compare} view
 */
function dropRange(view) {
  const take = view.player.takes[view.focused];
  if (!take) return;
  const { localS } = localTime(view.player.time, take, view.player.ending);
  view.decide((choice) => ({ ranges: choice.ranges.filter(([start, end]) => localS < start || localS >= end) }));
}

/**
 * Say it of the take in focus, and go on to the next one.
 * @param {Compare} view
 * @param {Partial<Choice>} change
 */
function decide(view, change) {
  view.decide(change);
  if (view.focused + 1 < view.player.takes.length) view.focusTake(view.focused + 1);
}

/** @param {Compare} view */
function fullscreen({ viewer }) {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void viewer.requestFullscreen?.();
}

/** @param {Compare} view */
function help(view) {
  const toggle = h("input", {
    type: "checkbox",
    checked: view.keysOn,
    onchange: () => {
      view.keysOn = toggle.checked;
    },
  });
  view.app.ask(
    t("key.help"),
    h(
      "dl",
      { class: "keymap" },
      PLAYER_KEYS.map(([keys, , word]) =>
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
    h("label", { class: "check" }, toggle, t("key.letters")),
  );
}

/**
 * @param {Compare} view
 * @param {number} factor
 */
const zoom = ({ stage }, factor) => stage.set({ loupe: false, view: zoomAt(stage.view, factor, 0, 0) });
/** @param {Player} player */
const loudest = (player) =>
  Math.max(
    0,
    player.takes.findIndex(({ clip }) => clip.has_audio),
  );

/** @type {Record<string, (view: Compare, digit: number) => unknown>} */
const COMMANDS = {
  toggle: ({ player }) => player.toggle(),
  faster: (view) => shuttle(view, 1),
  slower: (view) => shuttle(view, -1),
  stepForward: ({ player }) => void player.step(1),
  stepBack: ({ player }) => void player.step(-1),
  secondForward: ({ player }) => void player.seek(player.time + 1),
  secondBack: ({ player }) => void player.seek(player.time - 1),
  toStart: ({ player }) => void player.seek(player.startS),
  toEnd: ({ player }) => void player.seek(player.endS),
  setIn: (view) => mark(view, "inS"),
  setOut: (view) => mark(view, "outS"),
  dropRange,
  selected: (view) => decide(view, { state: "selected" }),
  approved: (view) => decide(view, { state: "approved" }),
  maybe: (view) => decide(view, { state: "maybe" }),
  reject: (view) => decide(view, { state: "reject" }),
  rejectWhy: (view) => askReason(view.app, (reason) => decide(view, { state: "reject", reason })),
  undecided: (view) => view.decide({ state: "" }),
  stars: (view, digit) => view.decide((choice) => ({ stars: choice.stars === digit ? 0 : Math.min(5, digit) })),
  nextPrompt: (view) => void view.goOn("prompt", 1),
  previousPrompt: (view) => void view.goOn("prompt", -1),
  nextTakes: (view) => void view.goOn("takes", 1),
  scopes: (view) => {
    view.scopes.toggle();
    view.scopesButton?.setAttribute("aria-pressed", String(!view.scopes.element.hidden));
  },
  toCut: (view) => view.mayMark && view.app.go("cut", `add=${view.clips[view.focused].id}`),
  clearLoop: ({ player }) => player.set({ inS: null, outS: null }),
  nextWorst: (view) => jump(view, ["worst"], 1),
  previousWorst: (view) => jump(view, ["worst"], -1),
  nextEvent: (view) => jump(view, undefined, 1),
  previousEvent: (view) => jump(view, undefined, -1),
  digit: (view, digit) => pick(view, digit - 1),
  solo: ({ player }, digit) => {
    if (digit <= player.takes.length) player.set({ solo: player.solo === digit - 1 ? null : digit - 1 });
  },
  mute: ({ player }) => player.set({ solo: player.solo === null ? loudest(player) : null }),
  swap: ({ stage }) => stage.set({ a: stage.b, b: stage.a }),
  gainUp: (view) => tune(view, 1),
  gainDown: (view) => tune(view, -1),
  offsetLater: (view) => shiftTake(view, 1),
  offsetEarlier: (view) => shiftTake(view, -1),
  zoomIn: (view) => zoom(view, 1.25),
  zoomOut: (view) => zoom(view, 0.8),
  zoomReset: ({ stage }) => stage.set({ loupe: false, view: WHOLE }),
  loupe: ({ stage }) => stage.set({ loupe: !stage.loupe, view: stage.loupe ? WHOLE : stage.view }),
  fullscreen,
  note: ({ notes, viewer }) => notes.focus(viewer),
  blind: ({ element }) => element.classList.toggle("names-hidden"),
  help,
};

/**
 * Do what a key or a button means.
 * @param {Compare} view
 * @param {string} command of PLAYER_KEYS
 * @param {number} digit where the command is about a numbered take
 */
export function run(view, command, digit = 0) {
  const mode = MODES.find((name) => name === command);
  if (!mode) COMMANDS[command](view, digit);
  else if (mode === "blink" && view.stage.mode === "blink") view.stage.blinkOnce();
  else view.stage.set({ mode });
}
