// @ts-check
// The keyboard map as a table: one source for what keys do, for the help on "?", and for the documentation.

/** @import { KeyRow } from "../types/page.js" */

/**
 * [keys, command, word]; "Shift+" and "Alt+" prefixes, then KeyboardEvent.key (letters in lower case) or Digit.
 * @type {KeyRow[]}
 */
export const PLAYER_KEYS = [
  [["Space", "k"], "toggle", "key.toggle"],
  [["l"], "faster", "key.faster"],
  [["j"], "slower", "key.slower"],
  [["ArrowRight", "."], "stepForward", "key.stepForward"],
  [["ArrowLeft", ","], "stepBack", "key.stepBack"],
  [["Shift+ArrowRight"], "secondForward", "key.secondForward"],
  [["Shift+ArrowLeft"], "secondBack", "key.secondBack"],
  [["Home"], "toStart", "key.toStart"],
  [["End"], "toEnd", "key.toEnd"],
  [["i"], "setIn", "key.setIn"],
  [["o"], "setOut", "key.setOut"],
  [["x"], "clearLoop", "key.clearLoop"],
  [["Shift+x"], "dropRange", "key.dropRange"],
  [["p"], "selected", "key.selected"],
  [["Shift+p"], "approved", "key.approved"],
  [["y"], "maybe", "key.maybe"],
  [["q"], "rejectWhy", "key.rejectWhy"],
  [["Shift+q"], "reject", "key.reject"],
  [["Backspace"], "undecided", "key.undecided"],
  [["Alt+Digit"], "stars", "key.stars"],
  [["PageDown"], "nextPrompt", "key.nextPrompt"],
  [["PageUp"], "previousPrompt", "key.previousPrompt"],
  [["Shift+PageDown"], "nextTakes", "key.nextTakes"],
  [["e"], "nextWorst", "key.nextWorst"],
  [["Shift+e"], "previousWorst", "key.previousWorst"],
  [["]"], "nextEvent", "key.nextEvent"],
  [["["], "previousEvent", "key.previousEvent"],
  [["g"], "grid", "key.grid"],
  [["w"], "wipe", "key.wipe"],
  [["v"], "overlay", "key.overlay"],
  [["d", "0"], "difference", "key.difference"],
  [["b"], "blink", "key.blink"],
  [["Digit"], "digit", "key.digit"],
  [["Shift+Digit"], "solo", "key.solo"],
  [["m"], "mute", "key.mute"],
  [["s"], "swap", "key.swap"],
  [["ArrowUp"], "gainUp", "key.gainUp"],
  [["ArrowDown"], "gainDown", "key.gainDown"],
  [["Alt+ArrowRight"], "offsetLater", "key.offsetLater"],
  [["Alt+ArrowLeft"], "offsetEarlier", "key.offsetEarlier"],
  [["+", "="], "zoomIn", "key.zoomIn"],
  [["-"], "zoomOut", "key.zoomOut"],
  [["r"], "zoomReset", "key.zoomReset"],
  [["z"], "loupe", "key.loupe"],
  [["f"], "fullscreen", "key.fullscreen"],
  [["n"], "note", "key.note"],
  [["t"], "scopes", "scope.title"],
  [["c"], "toCut", "cut.send"],
  [["h"], "blind", "key.blind"],
  [["?"], "help", "key.help"],
];

/** @type {KeyRow[]} */
export const ARENA_KEYS = [
  [["ArrowLeft", "1"], "left", "arena.left"],
  [["ArrowRight", "2"], "right", "arena.right"],
  [["ArrowUp", "3"], "tie", "arena.tie"],
  [["ArrowDown", "4"], "both_bad", "arena.bothBad"],
  [["s", "5"], "skip", "arena.skip"],
  [["x", "6"], "broken", "arena.broken"],
  [["Space"], "toggle", "key.toggle"],
  [["r"], "replay", "arena.replay"],
  [["Enter"], "next", "arena.next"],
  [["?"], "help", "key.help"],
];

/**
 * The command that a key press means.
 * @returns {{command: string, digit: number} | null}
 * @param {KeyboardEvent} event
 * @param {readonly KeyRow[]} table
 */
export function commandFor(event, table) {
  if (event.ctrlKey || event.metaKey) return null;
  const isDigit =
    /^Digit[1-9]$/.test(event.code ?? "") && (event.shiftKey || event.altKey || /^[1-9]$/.test(event.key));
  const letter = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isSign = event.key.length === 1 && !/[a-z0-9 ]/i.test(event.key); // "?" and "+" need Shift on many keyboards
  const prefix = `${event.altKey ? "Alt+" : ""}${event.shiftKey && !(isSign && !isDigit) ? "Shift+" : ""}`;
  const names = [prefix + letter];
  if (isDigit) names.push(`${prefix}Digit`);
  const row = table.find(([keys]) => keys.some((key) => names.includes(key)));
  return row ? { command: row[1], digit: isDigit ? Number(event.code.slice(5)) : 0 } : null;
}

/**
 * Whether a key press belongs to a control (typing, choosing in a list) rather than to the player.
 * @param {Event & {key?: string}} event
 */
export function isTyping(event) {
  const target = event.composedPath?.()[0] ?? event.target;
  if (!(target instanceof Element)) return false;
  if (target.closest("input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable], dialog"))
    return true;
  return target.closest("button, a, summary") !== null && (event.key === " " || event.key === "Enter");
}

/**
 * For a person: "Shift + E", "←".
 * @param {string} key
 */
export function keyName(key) {
  /** @type {Record<string, string>} */
  const names = { ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", Digit: "1 – 9" };
  return key
    .split(/\+(?=.)/)
    .map((part) => names[part] ?? (part.length === 1 ? part.toUpperCase() : part))
    .join(" + ");
}
