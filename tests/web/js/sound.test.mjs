import assert from "node:assert/strict";
import { test } from "node:test";

import { matchedVolumes, outline } from "../../../vbench/web/static/sound.js";

test("louder takes are turned down to the quietest, never up; silence and what is unknown count for nothing", () => {
  const volumes = matchedVolumes([-14, -20, undefined, -70]);
  assert.ok(Math.abs(volumes[0] - 10 ** (-6 / 20)) < 1e-12);
  assert.deepEqual(volumes.slice(1), [1, 1, 1]);
  assert.deepEqual(matchedVolumes([-14]), [1]);
  assert.deepEqual(matchedVolumes([undefined, -70]), [1, 1]);
  assert.deepEqual(matchedVolumes([]), []);
});

test("an outline stands on the common clock", () => {
  const wave = { step_s: 0.5, low: [-0.1, -0.5], high: [0.25, 0.5], loudness_lufs: -20 };
  const take = { offsetS: 0, speed: 1 };
  assert.equal(outline(wave, take, 2), "M0.0,7.0L250.0,0.0L250.0,28.0L0.0,16.8Z");
  assert.equal(
    outline(wave, { offsetS: -1, speed: 1 }, 2).split("L")[0],
    "M500.0,7.0",
    "it begins where the take does",
  );
});
