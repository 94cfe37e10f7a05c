// What moments say in words, how bad they are, and which are not worth a mark.
import assert from "node:assert/strict";
import { test } from "node:test";

import { severityOf, source, spoken, telling } from "../../../vbench/web/static/moments.js";
import { metricName, setWords } from "../../../vbench/web/static/words.js";

const moment = (values) => ({
  kind: "worst",
  metric: "appearance_worst",
  value: 0.5,
  start_s: 1,
  end_s: 1.25,
  ...values,
});
const EN = {
  "moment.shape": "the subject changes shape",
  "moment.look": "the picture changes at once",
  "moment.freeze": "stands still for {length}",
  "moment.defect": "{kind}, a judge says",
  "defect.melting": "melting",
  "metric.appearance_worst": "Worst moment",
  "defects.all": "Faults a minute",
  "defects.kind": "Faults a minute: {kind}",
  "unit.seconds": "{n} s",
};
setWords({ en: EN, "zh-CN": { ...EN, "about.appearance_worst": "最差" } }, ["zh"]);

test("nothing is marked where nothing is wrong", () => {
  assert.equal(severityOf(moment({ value: 0.996 })), 0);
  assert.deepEqual(telling([moment({ value: 0.996 })]), []);
  assert.deepEqual(
    [0.96, 0.85, 0.3].map((value) => severityOf(moment({ value }))),
    [1, 2, 3],
  );
});

test("the longer a picture stands or is black, the worse", () => {
  const lasting = (kind, s) => severityOf(moment({ kind, start_s: 0, end_s: s, value: 1 }));
  assert.deepEqual(
    [0.4, 0.6, 2].map((s) => lasting("freeze", s)),
    [1, 2, 3],
  );
  assert.deepEqual(
    [0.05, 0.2, 1].map((s) => lasting("black", s)),
    [1, 2, 3],
  );
  assert.equal(severityOf(moment({ kind: "defect", value: 0.9 })), 3);
});

test("a cut is told once, and not again as the worst moment", () => {
  const cut = moment({ kind: "cut", value: 50, start_s: 1.1, end_s: 1.14 });
  assert.deepEqual(telling([moment(), cut]), [cut]);
  const later = moment({ start_s: 3, end_s: 3.25 });
  assert.deepEqual(telling([later, cut]), [later, cut]);
});

test("moments are said as a filmmaker would, and the measure stands on the hover", () => {
  assert.equal(spoken(moment({ metric: "temporal_worst" })), "the subject changes shape");
  assert.equal(spoken(moment()), "the picture changes at once");
  assert.equal(spoken(moment({ kind: "freeze", start_s: 0, end_s: 1.1 })), "stands still for 1.1 s");
  assert.equal(spoken(moment({ kind: "defect", metric: "melting (judge-x)" })), "melting, a judge says");
  assert.equal(source(moment()), "Worst moment 0.5 (最差 · appearance_worst)");
});

test("a measure without a name for people keeps its own", () => {
  assert.equal(metricName("plug_in_measure"), "plug in measure");
  assert.equal(metricName("defects_per_min"), "Faults a minute");
  assert.equal(metricName("defects_per_min_melting"), "Faults a minute: melting");
});
