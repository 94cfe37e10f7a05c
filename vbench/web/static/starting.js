// @ts-check
// How takes start together: each stands at its second, all start, and the clock starts where most of them are.

import { clockTime, localTime } from "./sync.js";

/** @import { Take } from "./take.js" */
/** @import { Ending } from "../types/page.js" */

const PATIENCE_MS = 1500; // one that does not come does not keep the others

/**
 * Bring a take to its second at a time of the clock, before anyone starts.
 * @param {Take} take
 * @param {number} timeS
 * @param {number} rate
 * @param {Ending} ending
 * @returns {Promise<void> | undefined}
 */
export function stand(take, timeS, rate, ending) {
  const { video } = take;
  if (!take.ok) return undefined;
  const { localS } = localTime(timeS, take, ending);
  const speed = Math.max(0.0625, Math.min(16, rate * take.speed));
  if (video.playbackRate !== speed) video.playbackRate = speed;
  if (Math.abs(video.currentTime - localS) < 0.012) return undefined;
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS);
    video.addEventListener(
      "seeked",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
    video.currentTime = localS;
  });
}

/**
 * Let a take run, unless it has not begun or has ended at this time of the clock.
 * @param {Take} take
 * @param {number} timeS
 * @param {Ending} ending
 * @returns {Promise<unknown> | undefined}
 */
export function start(take, timeS, ending) {
  if (!take.ok || localTime(timeS, take, ending).held) return undefined;
  take.plays += 1;
  return Promise.race([
    take.run(),
    new Promise((resolve) => {
      setTimeout(resolve, PATIENCE_MS);
    }),
  ]);
}

/**
 * Videos start some frames of the screen late: the time of the clock where most of them are.
 * @param {readonly Take[]} takes
 * @param {number} timeS
 * @param {Ending} ending
 * @returns {number}
 */
export function middle(takes, timeS, ending) {
  const times = takes
    .filter((take) => take.ok && !take.video.paused && !localTime(timeS, take, ending).held)
    .map((take) => clockTime(take.video.currentTime, take))
    .filter((t) => Math.abs(t - timeS) < 0.5)
    .sort((a, b) => a - b);
  return times.length ? times[times.length >> 1] : timeS;
}
