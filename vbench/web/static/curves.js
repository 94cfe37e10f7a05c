// @ts-check
// What a timeline draws, in numbers: scales, lines, values at a moment, rows of marks; no document.

import { clockTime } from "./sync.js";

/** @import { Curve, Scale } from "../types/page.js" */

/**
 * What a lane can fit: most takes (one that leaves the others flat runs off the edge), all of them, or each its own.
 * @type {Scale[]}
 */
export const SCALES = ["most", "all", "own"];
/** Strokes that tell takes apart without their colour, one per place on the stage. */
export const DASHES = ["", "9 3", "2 3", "9 3 2 3", "5 3", "14 4", "9 3 2 3 2 3", "4 2 1 2", "1 4"];
/** @typedef {Pick<Curve, "t_s" | "value">} Values */

const CALM = 4; // a take whose values spread this much further than the middle one's is not most takes
const FLAT = 3; // and it leaves the others flat where all together spread this much further than they do

/**
 * @param {readonly Pick<Curve, "value">[]} curves
 * @returns {[low: number, high: number]}
 */
function extremes(curves) {
  let [low, high] = [Infinity, -Infinity];
  for (const { value } of curves) {
    for (const v of value) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  return [low, high];
}

/**
 * Lowest and highest value over all curves, a little apart where all are equal.
 * @param {readonly Pick<Curve, "value">[]} curves
 * @returns {[low: number, high: number]}
 */
export function range(curves) {
  const [low, high] = extremes(curves);
  if (!Number.isFinite(low)) return [0, 1];
  return high - low < 1e-9 ? [low - 0.5, high + 0.5] : [low, high];
}

/**
 * The range in which most takes can be read; that of all where none stands out.
 * @param {readonly Pick<Curve, "value">[]} curves
 * @returns {[low: number, high: number]}
 */
export function commonRange(curves) {
  const all = range(curves);
  const spreads = curves.map((curve) => {
    const [low, high] = extremes([curve]);
    return high - low;
  });
  const middle = [...spreads].sort((a, b) => a - b)[(curves.length - 1) >> 1];
  const [low, high] = extremes(curves.filter((_, index) => spreads[index] <= CALM * middle));
  const spread = high - low;
  if (!(spread > 1e-9) || all[1] - all[0] < FLAT * spread) return all;
  return [Math.max(all[0], low - 0.15 * spread), Math.min(all[1], high + 0.15 * spread)];
}

/**
 * Points of a polyline in a box of `width` x `height`, time over `lengthS` seconds of the clock.
 * @param {Values} curve
 * @param {{offsetS: number, speed: number}} take
 * @param {number} lengthS
 * @param {[low: number, high: number]} range
 * @param {number} width
 * @param {number} height
 */
export function points(curve, take, lengthS, [low, high], width, height) {
  return curve.t_s
    .map((second, index) => {
      const x = (clockTime(second, take) / lengthS) * width;
      const y = height - ((curve.value[index] - low) / (high - low)) * height;
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}

/**
 * The value of a curve at a second of its clip: that of the nearest sample; null beyond its ends.
 * @param {Values} curve
 * @param {number} localS
 * @returns {number | null}
 */
export function valueAt(curve, localS) {
  const { t_s: times, value } = curve;
  const step = times.length > 1 ? (times[times.length - 1] - times[0]) / (times.length - 1) : 1;
  if (!times.length || localS < times[0] - step || localS > times[times.length - 1] + step) return null;
  let nearest = 0;
  for (let index = 1; index < times.length; index += 1)
    if (Math.abs(times[index] - localS) < Math.abs(times[nearest] - localS)) nearest = index;
  return value[nearest];
}

/**
 * Where a curve leaves a scale furthest, below and above.
 * @param {Values} curve
 * @param {[low: number, high: number]} range
 */
export function beyond(curve, [low, high]) {
  const [least, most] = extremes([curve]);
  /**
   * @param {number} value
   * @param {"below" | "above"} side
   */
  const at = (value, side) => ({ t_s: curve.t_s[curve.value.indexOf(value)], value, side });
  const slack = (high - low) * 0.02;
  return [...(least < low - slack ? [at(least, "below")] : []), ...(most > high + slack ? [at(most, "above")] : [])];
}

/**
 * Places (sorted) moved on where they would be nearer than `gap` to the one before.
 * @param {readonly number[]} places
 * @param {number} gap
 */
export function apart(places, gap) {
  let last = -Infinity;
  return places.map((place) => {
    last = Math.max(place, last + gap);
    return last;
  });
}

/**
 * A row and a place for each of some places (sorted) so that no two in a row are nearer than `gap`.
 * Only in the last row, where all rows are full, a place is moved on.
 * @param {readonly number[]} places
 * @param {number} gap
 * @param {number} nRows
 */
export function rowsOf(places, gap, nRows) {
  const ends = Array(nRows).fill(-Infinity);
  return places.map((place) => {
    const free = ends.findIndex((end) => place - end >= gap);
    const row = free < 0 ? nRows - 1 : free;
    ends[row] = Math.max(place, free < 0 ? ends[row] + gap : place);
    return { row, place: ends[row] };
  });
}

/**
 * The next moment after (or before) a time, round and round; null where there is none.
 * @template {{timeS: number}} M
 * @param {readonly M[]} moments
 * @param {number} timeS
 * @param {number} direction
 * @returns {M | null}
 */
export function nextMoment(moments, timeS, direction) {
  const sorted = [...moments].sort((a, b) => a.timeS - b.timeS);
  if (!sorted.length) return null;
  const gap = 0.02;
  if (direction > 0) return sorted.find((moment) => moment.timeS > timeS + gap) ?? sorted[0];
  return sorted.reverse().find((moment) => moment.timeS < timeS - gap) ?? sorted[0];
}
