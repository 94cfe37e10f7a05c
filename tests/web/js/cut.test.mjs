// The cut's arithmetic: where shots lie, how they are trimmed, swapped and moved.
import assert from "node:assert/strict";
import { test } from "node:test";

import { moved, swapped, trimmed } from "../../../vbench/web/static/cut.js";
import { timecode } from "../../../vbench/web/static/framestep.js";
import { beginnings, shotAt } from "../../../vbench/web/static/sequence.js";

const shot = (values = {}) => ({ clip: "a", in_s: 1, out_s: 2, ...values });
const clip = (values = {}) => ({ id: "b", fps: 25, duration_s: 4, ...values });

test("each moment of a cut is in one shot, the end in the last", () => {
  const starts = beginnings([shot(), shot({ out_s: 1.5 }), shot({ in_s: 0 })]);
  assert.deepEqual(starts, [0, 1, 1.5, 3.5]);
  assert.deepEqual(
    [0, 0.999, 1, 1.499, 1.5, 3.5, 9].map((timeS) => shotAt(starts, timeS)),
    [0, 0, 1, 1, 2, 2, 2],
  );
  assert.deepEqual(beginnings([]), [0]);
});

test("a trim goes by whole frames, within the take, and leaves a frame", () => {
  assert.equal(trimmed(shot(), "in_s", 1, clip()).in_s, 1.04);
  assert.equal(trimmed(shot(), "out_s", -1, clip()).out_s, 1.96);
  assert.equal(trimmed(shot(), "in_s", -99, clip()).in_s, 0);
  assert.equal(trimmed(shot(), "out_s", 999, clip()).out_s, 4);
  assert.equal(trimmed(shot(), "in_s", 99, clip()).in_s, 1.96);
  assert.equal(trimmed(shot(), "out_s", -99, clip()).out_s, 1.04);
});

test("another take gives the same seconds, as many as it has", () => {
  assert.deepEqual(swapped(shot(), clip()), { clip: "b", in_s: 1, out_s: 2 });
  assert.deepEqual(swapped(shot(), clip({ duration_s: 1.5 })), { clip: "b", in_s: 0.5, out_s: 1.5 });
  assert.deepEqual(swapped(shot({ in_s: 0, out_s: 3 }), clip({ duration_s: 1 })), { clip: "b", in_s: 0, out_s: 1 });
});

test("a shot is moved, and the others keep their order", () => {
  assert.deepEqual(moved([1, 2, 3, 4], 0, 2), [2, 3, 1, 4]);
  assert.deepEqual(moved([1, 2, 3, 4], 3, 0), [4, 1, 2, 3]);
});

test("a moment is told as editing programs have it", () => {
  assert.equal(timecode(3661.5, 24), "01:01:01:12");
  assert.equal(timecode(1001 / 1000, 24000 / 1001), "00:00:01:00", "29.97 and 23.976 count whole frames, none dropped");
});
