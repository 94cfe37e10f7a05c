// What moments say in words.
import assert from "node:assert/strict";
import { test } from "node:test";

import { source, spoken } from "../../../vbench/web/static/moments.js";
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
