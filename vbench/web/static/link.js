// @ts-check
// The state of a comparison as a query string, so that a link opens the same moment elsewhere; no DOM.

import { SCALES } from "./curves.js";

/** @import { Align, CompareState, Ending, Mode } from "../types/page.js" */

/** Lanes of curves under the picture. */
export const MAX_LANES = 4;
/** @type {Mode[]} */
export const MODES = ["grid", "wipe", "overlay", "difference", "blink"];
/** @type {Align[]} */
export const ALIGNS = ["time", "frame", "percent"];
/** @type {Ending[]} */
export const ENDINGS = ["shortest", "hold", "loop"];

/** @type {Readonly<CompareState>} */
export const DEFAULTS = Object.freeze({
  takes: [],
  mode: "grid",
  timeS: 0,
  inS: null,
  outS: null,
  rate: 1,
  align: "time",
  ending: "hold",
  looping: true,
  offsets: [],
  a: 0,
  b: 1,
  gain: 4,
  mix: 0.5,
  wipe: 0.5,
  zoom: 1,
  x: 0,
  y: 0,
  metrics: [],
  scale: "most",
  solo: null,
  only: null,
});

/**
 * @template {number | null} F
 * @param {string | null} text
 * @param {number} low
 * @param {number} high
 * @param {F} fallback
 * @returns {number | F}
 */
const number = (text, low, high, fallback) => {
  const value = text === null || text === "" ? NaN : Number(text);
  return Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : fallback;
};
/**
 * @template {string} T
 * @param {string | null} text
 * @param {readonly T[]} known
 * @param {T} fallback
 * @returns {T}
 */
const oneOf = (text, known, fallback) => known.find((name) => name === text) ?? fallback;
/** @param {number} value */
const short = (value) => String(Math.round(value * 10000) / 10000);

/**
 * @returns {string} without a leading "?"; what is as by default is left out
 * @param {Readonly<CompareState>} state
 */
export function toQuery(state) {
  const query = new URLSearchParams();
  if (state.takes.length) query.set("takes", state.takes.join(","));
  /**
   * @template T
   * @param {string} key
   * @param {T} value
   * @param {T} fallback
   * @param {(value: NonNullable<T>) => string} [text]
   */
  const write = (key, value, fallback, text = String) => {
    if (value !== fallback && value !== null && value !== undefined) query.set(key, text(value));
  };
  write("mode", state.mode, DEFAULTS.mode);
  write("t", state.timeS, 0, short);
  write("in", state.inS, null, short);
  write("out", state.outS, null, short);
  write("rate", state.rate, 1, short);
  write("align", state.align, DEFAULTS.align);
  write("end", state.ending, DEFAULTS.ending);
  if (!state.looping) query.set("once", "1");
  if (state.offsets.some((offset) => offset !== 0))
    query.set("offset", state.offsets.map((offset) => String(Math.round(offset * 1e6) / 1e6)).join(","));
  if (state.mode !== "grid") {
    write("a", state.a, 0);
    write("b", state.b, 1);
    write("gain", state.gain, DEFAULTS.gain, short);
    write("mix", state.mix, DEFAULTS.mix, short);
    write("wipe", state.wipe, DEFAULTS.wipe, short);
  }
  write("zoom", state.zoom, 1, short);
  if (state.zoom !== 1) {
    write("x", state.x, 0, short);
    write("y", state.y, 0, short);
  }
  write("solo", state.solo, null);
  write("only", state.only, null);
  if (state.metrics.length) query.set("metrics", state.metrics.join(","));
  write("scale", state.scale, DEFAULTS.scale);
  return query.toString();
}

/**
 * The state that a query string describes; what it says wrongly is as by default.
 * @param {string} text
 * @returns {CompareState}
 */
export function fromQuery(text) {
  const query = new URLSearchParams(text);
  const takes = [...new Set((query.get("takes") ?? "").split(",").filter((id) => /^[0-9a-f]{6,64}$/.test(id)))].slice(
    0,
    9,
  );
  const last = Math.max(0, takes.length - 1);
  const offsets = (query.get("offset") ?? "").split(",");
  /** @param {string} key */
  const place = (key) => (query.has(key) ? Math.round(number(query.get(key), 0, last, 0)) : null);
  /** @param {string} key */
  const optional = (key) => (query.has(key) ? number(query.get(key), 0, 86400, null) : null);
  const zoom = number(query.get("zoom"), 1, 16, 1);
  return {
    takes,
    mode: oneOf(query.get("mode"), MODES, DEFAULTS.mode),
    timeS: number(query.get("t"), 0, 86400, 0),
    inS: optional("in"),
    outS: optional("out"),
    rate: number(query.get("rate"), 0.1, 4, 1),
    align: oneOf(query.get("align"), ALIGNS, DEFAULTS.align),
    ending: oneOf(query.get("end"), ENDINGS, DEFAULTS.ending),
    looping: query.get("once") !== "1",
    offsets: takes.map((_, index) => number(offsets[index] ?? "", -3600, 3600, 0)),
    a: Math.round(number(query.get("a"), 0, last, 0)),
    b: Math.round(number(query.get("b"), 0, last, Math.min(1, last))),
    gain: number(query.get("gain"), 1, 32, DEFAULTS.gain),
    mix: number(query.get("mix"), 0, 1, DEFAULTS.mix),
    wipe: number(query.get("wipe"), 0, 1, DEFAULTS.wipe),
    zoom,
    x: number(query.get("x"), -1, 1, 0),
    y: number(query.get("y"), -1, 1, 0),
    solo: place("solo"),
    only: place("only"),
    metrics: (query.get("metrics") ?? "")
      .split(",")
      .filter((name) => /^[\w.:-]{1,64}$/.test(name))
      .slice(0, MAX_LANES),
    scale: oneOf(query.get("scale"), SCALES, DEFAULTS.scale),
  };
}
