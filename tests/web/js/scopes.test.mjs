// What the scopes count, on pictures of which it is known.
import assert from "node:assert/strict";
import { test } from "node:test";

import { histogram, vectorscope, waveform } from "../../../vbench/web/static/scopes.js";

/** @param {...number[]} colours */
const pixels = (...colours) => new Uint8ClampedArray(colours.flatMap((colour) => [...colour, 255]));
/** Where the only dot of a scope is. */
const dot = (counts, width) => {
  const at = counts.findIndex((count) => count > 0);
  return [at % width, Math.floor(at / width)];
};

test("the histogram counts each colour by itself", () => {
  const counts = histogram(pixels([255, 0, 0], [255, 128, 0]));
  assert.deepEqual([counts[127], counts[128], counts[128 + 64], counts[256]], [2, 1, 1, 2]);
});

test("the waveform has white on top, black below, each in its column", () => {
  const counts = waveform(pixels([255, 255, 255], [0, 0, 0]), 2);
  assert.deepEqual([counts[0], counts[127 * 2 + 1]], [1, 1]);
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    2,
  );
});

test("the vectorscope has grey in the middle, red on top, blue at the right", () => {
  assert.deepEqual(dot(vectorscope(pixels([90, 90, 90])), 128), [64, 64]);
  const [, red] = dot(vectorscope(pixels([255, 0, 0])), 128);
  assert.equal(red, 0);
  const [blue] = dot(vectorscope(pixels([0, 0, 255])), 128);
  assert.equal(blue, 127);
});
