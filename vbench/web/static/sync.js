// @ts-check
// Where each take should be at a time of the common clock, and how a playing video is brought there; no DOM.

/** @import { Ending, Timed } from "../types/page.js" */

/** A take that runs freely is left alone while it is nearer than this. */
export const START_NUDGE_S = 0.0015;
/** A take that is being nudged is let go once it is nearer than this. */
export const STOP_NUDGE_S = 0.0005;
/** A take further off than this is sought instead of nudged. */
export const SEEK_BEYOND_S = 0.25;
const GAIN_PER_S = 7;
const MAX_NUDGE = 0.3;

/**
 * What to do with a playing video that is at `actualS` and should be at `targetS`.
 * Two thresholds, since changing the rate at every frame of the screen costs more than it mends.
 * @param {boolean} nudging whether it is being nudged already
 * @returns {{rate: number, nudging: boolean} | {seekS: number}}
 * @param {number} targetS
 * @param {number} actualS
 * @param {number} rate
 */
export function correction(targetS, actualS, rate, nudging) {
  const error = targetS - actualS;
  if (Math.abs(error) > SEEK_BEYOND_S) return { seekS: targetS };
  if (Math.abs(error) < (nudging ? STOP_NUDGE_S : START_NUDGE_S)) return { rate, nudging: false };
  return { rate: rate * (1 + Math.max(-MAX_NUDGE, Math.min(MAX_NUDGE, GAIN_PER_S * error))), nudging: true };
}

/**
 * How fast each take runs against the clock: by time (1), by frame (same frame number everywhere), or by percentage.
 * The first take is the one the others are held against.
 * @param {{fps: number, durationS: number}[]} takes
 * @param {"time" | "frame" | "percent"} align
 */
export function speeds(takes, align) {
  const [first] = takes;
  return takes.map((take) => {
    if (align === "frame") return first.fps / take.fps;
    if (align === "percent") return take.durationS / first.durationS;
    return 1;
  });
}

/**
 * The time of the clock at which a take shows its second `localS`.
 * @param {number} localS
 * @param {{offsetS: number, speed: number}} take
 */
export function clockTime(localS, take) {
  return (localS - take.offsetS) / take.speed;
}

/**
 * Seconds the clock runs: to the end of the shortest take, or of the longest where shorter ones hold or loop.
 * @param {"shortest" | "hold" | "loop"} ending
 * @param {readonly Timed[]} takes
 */
export function programLength(takes, ending) {
  const ends = takes.map((take) => clockTime(take.durationS, take));
  if (ends.length === 0) return 0;
  return Math.max(0, ending === "shortest" ? Math.min(...ends) : Math.max(...ends));
}

/**
 * The second of a take at a time of the clock, and whether it stands still there (before its start, after its end).
 * @returns {{localS: number, held: boolean}}
 * @param {number} timeS
 * @param {Timed} take
 * @param {Ending} ending
 */
export function localTime(timeS, take, ending) {
  const raw = timeS * take.speed + take.offsetS;
  const last = (take.nFrames - 0.5) / take.fps;
  if (ending === "loop" && take.durationS > 0) {
    const wrapped = ((raw % take.durationS) + take.durationS) % take.durationS;
    return { localS: Math.min(wrapped, last), held: false };
  }
  if (raw < 0) return { localS: 0.5 / take.fps, held: true };
  if (raw >= last) return { localS: last, held: true };
  return { localS: raw, held: false };
}

/**
 * The time of the clock inside [inS, outS); past the end it wraps where looping, else it stops there.
 * @param {number} timeS
 * @param {number} inS
 * @param {number} outS
 * @param {boolean} looping
 */
export function within(timeS, inS, outS, looping) {
  if (timeS >= outS)
    return looping ? { timeS: inS, wrapped: true, ended: false } : { timeS: outS, wrapped: false, ended: true };
  if (timeS < inS)
    return looping ? { timeS: inS, wrapped: true, ended: false } : { timeS: inS, wrapped: false, ended: true };
  return { timeS, wrapped: false, ended: false };
}
