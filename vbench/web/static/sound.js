// @ts-check
// What takes sound like: their waveforms as lines of the timeline, and how loud each is played so that none wins by it.

import { h, s } from "./dom.js";
import { clockTime } from "./sync.js";
import { t } from "./words.js";

/** @import { Take } from "./take.js" */

/**
 * @typedef {object} Waveform as `vbench.video.peaks.Waveform`
 * @property {number} step_s
 * @property {number[]} low
 * @property {number[]} high
 * @property {number} loudness_lufs
 */

const WIDTH = 1000;
const HEIGHT = 28;
export const SILENT_LUFS = -70;

/**
 * How loud each take is played, 0 to 1, so that all sound as loud as the quietest: louder ones are turned down, since
 * turning up would clip. Silent ones and those not measured stay as they are.
 * @param {(number | undefined)[]} loudness LUFS of each take
 * @returns {number[]}
 */
export function matchedVolumes(loudness) {
  const heard = loudness.filter((lufs) => lufs !== undefined && lufs > SILENT_LUFS);
  const quietest = Math.min(.../** @type {number[]} */ (heard));
  return loudness.map((lufs) => (lufs === undefined || lufs <= SILENT_LUFS ? 1 : 10 ** ((quietest - lufs) / 20)));
}

/**
 * The outline of a waveform as an SVG path on the common clock; as tall as its own loudest moment allows.
 * @param {Waveform} wave
 * @param {Take} take
 * @param {number} length of the clock, s
 */
export function outline(wave, take, length) {
  const most = Math.max(1e-3, ...wave.high, ...wave.low.map((value) => -value));
  const x = (/** @type {number} */ step) => ((clockTime(step * wave.step_s, take) / length) * WIDTH).toFixed(1);
  const y = (/** @type {number} */ value) => ((HEIGHT / 2) * (1 - value / most)).toFixed(1);
  const there = wave.high.map((value, step) => `${x(step)},${y(value)}`);
  const back = wave.low.map((value, step) => `${x(step)},${y(value)}`).reverse();
  return `M${[...there, ...back].join("L")}Z`;
}

/**
 * A line for each take that has sound; its head lets one hear that take.
 * @param {readonly Take[]} takes
 * @param {readonly (Waveform | undefined)[]} waves
 * @param {number} length
 * @param {number | null} heard
 * @param {(index: number) => void} hear
 */
export function soundLanes(takes, waves, length, heard, hear) {
  const rows = takes.flatMap((take, index) => {
    const wave = waves[index];
    return wave && !take.problem ? [{ take, wave, index }] : [];
  });
  if (!rows.length) return false;
  return h(
    "div",
    { class: "sound-lanes" },
    rows.map(({ take, wave, index }) =>
      h(
        "div",
        { class: "sound-row", style: { "--take": `var(--take-${index + 1})` } },
        h(
          "button",
          {
            type: "button",
            class: "sound-head",
            tabindex: "-1",
            "aria-pressed": String(heard === index),
            "aria-label": t("player.soloTake", { n: index + 1 }),
            onclick: () => hear(index),
          },
          `${index + 1} ♪ ${wave.loudness_lufs <= SILENT_LUFS ? t("sound.silent") : `${wave.loudness_lufs.toFixed(1)} LUFS`}`,
        ),
        s(
          "svg",
          {
            viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
            preserveAspectRatio: "none",
            class: "sound-wave",
            "aria-hidden": "true",
          },
          s("path", { d: outline(wave, take, length) }),
        ),
      ),
    ),
  );
}
