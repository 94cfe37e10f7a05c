// @ts-check
// Scopes as a grading room has them: waveform, vectorscope and histogram of what the takes show just now.

import { h, put } from "./dom.js";
import { t } from "./words.js";

/** @import { Player } from "./player.js" */

const WIDTH = 192; // of the picture that is counted; the eye needs no more
const LEVELS = 128;
const SIDE = 128; // of the vectorscope
const EVERY_MS = 100; // while playing
/** @typedef {"waveform" | "vectorscope" | "histogram"} ScopeKind */
/** @type {ScopeKind[]} */
const KINDS = ["waveform", "vectorscope", "histogram"];

/**
 * How many pixels have each value of red, green and blue: three times `LEVELS` counts.
 * @param {Uint8ClampedArray} rgba
 */
export function histogram(rgba) {
  const counts = new Uint32Array(3 * LEVELS);
  for (let at = 0; at < rgba.length; at += 4)
    for (let part = 0; part < 3; part += 1) counts[part * LEVELS + ((rgba[at + part] * LEVELS) >> 8)] += 1;
  return counts;
}

/**
 * How many pixels of each column have each luma (BT.709): rows from white to black.
 * @param {Uint8ClampedArray} rgba
 * @param {number} width
 */
export function waveform(rgba, width) {
  const counts = new Uint32Array(width * LEVELS);
  for (let at = 0; at < rgba.length; at += 4) {
    const luma = 0.2126 * rgba[at] + 0.7152 * rgba[at + 1] + 0.0722 * rgba[at + 2];
    counts[(LEVELS - 1 - ((luma * LEVELS) >> 8)) * width + ((at >> 2) % width)] += 1;
  }
  return counts;
}

/**
 * How many pixels have each Cb (to the right) and Cr (up), BT.709: `SIDE` by `SIDE`, grey in the middle.
 * @param {Uint8ClampedArray} rgba
 */
export function vectorscope(rgba) {
  const counts = new Uint32Array(SIDE * SIDE);
  for (let at = 0; at < rgba.length; at += 4) {
    const [red, green, blue] = [rgba[at] / 255, rgba[at + 1] / 255, rgba[at + 2] / 255];
    const luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    const place = (/** @type {number} */ value) => Math.max(0, Math.min(SIDE - 1, Math.floor((value + 0.5) * SIDE)));
    counts[place(-(red - luma) / 1.5748) * SIDE + place((blue - luma) / 1.8556)] += 1;
  }
  return counts;
}

/** The scopes of all takes on the stage, a row each; hidden until asked for. */
export class Scopes {
  /** @param {Player} player */
  constructor(player) {
    this.player = player;
    this.element = h("section", { class: "scopes", hidden: true, "aria-label": t("scope.title") });
    this.paper = h("canvas", {});
    this.drawnAt = 0;
    player.addEventListener("frames", () => this.draw());
    player.addEventListener("ready", () => this.draw());
    player.addEventListener("time", () => {
      if (player.playing && performance.now() - this.drawnAt > EVERY_MS) this.draw();
    });
  }

  toggle() {
    this.element.hidden = !this.element.hidden;
    this.draw();
  }

  draw() {
    if (this.element.hidden) return;
    this.drawnAt = performance.now();
    const takes = this.player.takes.filter((take) => take.ok);
    if (this.element.childElementCount !== takes.length)
      put(
        this.element,
        takes.map((take) =>
          h(
            "div",
            { class: "scope-row", style: { "--take": `var(--take-${take.index + 1})` } },
            h("span", { class: "tile-number" }, String(take.index + 1)),
            KINDS.map((kind) =>
              h("figure", {}, h("canvas", { class: kind, role: "img" }), h("figcaption", {}, t(`scope.${kind}`))),
            ),
          ),
        ),
      );
    takes.forEach((take, row) => {
      this.paper.width = WIDTH;
      this.paper.height = Math.max(1, Math.round(WIDTH / take.aspect));
      const brush = this.paper.getContext("2d", { willReadFrequently: true });
      if (!brush) return;
      brush.drawImage(take.video, 0, 0, this.paper.width, this.paper.height);
      const { data } = brush.getImageData(0, 0, this.paper.width, this.paper.height);
      const [wave, vectors, bars] = this.element.children[row].querySelectorAll("canvas");
      dots(wave, waveform(data, WIDTH), WIDTH, LEVELS);
      dots(vectors, vectorscope(data), SIDE, SIDE);
      curves(bars, histogram(data));
    });
  }
}

/**
 * Counts as light: the root, so that single pixels are seen beside flat walls.
 * @param {HTMLCanvasElement} canvas
 * @param {Uint32Array} counts
 * @param {number} width
 * @param {number} height
 */
function dots(canvas, counts, width, height) {
  [canvas.width, canvas.height] = [width, height];
  const picture = new ImageData(width, height);
  counts.forEach((count, at) => {
    const light = count ? Math.min(255, 70 + 60 * Math.sqrt(count)) : 0;
    picture.data.set([light * 0.7, light, light * 0.75, 255], 4 * at);
  });
  canvas.getContext("2d")?.putImageData(picture, 0, 0);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Uint32Array} counts
 */
function curves(canvas, counts) {
  [canvas.width, canvas.height] = [LEVELS, LEVELS];
  const brush = canvas.getContext("2d");
  if (!brush) return;
  const most = Math.sqrt(Math.max(1, ...counts));
  brush.fillRect(0, 0, LEVELS, LEVELS);
  brush.globalCompositeOperation = "lighter";
  for (const [part, colour] of ["#d22", "#2b2", "#36f"].entries()) {
    brush.fillStyle = colour;
    for (let level = 0; level < LEVELS; level += 1) {
      const tall = (Math.sqrt(counts[part * LEVELS + level]) / most) * LEVELS;
      brush.fillRect(level, LEVELS - tall, 1, tall);
    }
  }
}
