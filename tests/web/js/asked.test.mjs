import assert from "node:assert/strict";
import { test } from "node:test";

import { framedAt } from "../../../vbench/web/static/asked.js";

const event = (values) => ({ kind: "watermark", start_s: 1, end_s: 2, box: [0.1, 0.2, 0.3, 0.4], ...values });

test("events are framed while they last, those without a place never, and the clicked answer at its own frame", () => {
  const events = [event({}), event({ box: null }), event({ start_s: 3, end_s: 3 })];
  assert.deepEqual(framedAt(events, null, 0.5, 24), []);
  assert.equal(framedAt(events, null, 1.5, 24).length, 1);
  assert.deepEqual(
    Object.values(framedAt(events, null, 1.5, 24)[0]).slice(0, 4),
    [0.1, 0.2, 0.3, 0.4],
    "left, top, right, bottom",
  );
  assert.equal(framedAt(events, null, 3.02, 24).length, 1, "a moment lasts its frame");
  assert.equal(framedAt(events, null, 3.2, 24).length, 0);
  const chosen = { take: 0, t_s: 5, box: [0, 0, 1, 1], text: "a red boat" };
  assert.equal(framedAt([], chosen, 5.001, 24)[0].text, "a red boat");
  assert.deepEqual(framedAt([], chosen, 6, 24), []);
  assert.deepEqual(framedAt([], { ...chosen, box: null }, 5, 24), []);
});
