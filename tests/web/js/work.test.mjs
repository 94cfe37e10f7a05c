// What the pages Bring & generate and Runs compute.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { guessedFrom } from "../../../vbench/web/static/bring.js";
import { costsIn, isWanted, numberTakes } from "../../../vbench/web/static/dropped.js";
import { changed, choiceOf, roundRobin, withRange } from "../../../vbench/web/static/selects.js";
import { differing, pickedId, settingOf } from "../../../vbench/web/static/generate.js";
import { passes } from "../../../vbench/web/static/rights.js";
import { isFetchedOnly } from "../../../vbench/web/static/runs.js";
import { howMany, wallQuery } from "../../../vbench/web/static/tasks.js";
import { setWords } from "../../../vbench/web/static/words.js";

const words = JSON.parse(readFileSync(new URL("../../../vbench/web/words.json", import.meta.url), "utf8"));
setWords({ en: Object.fromEntries(Object.entries(words).map(([key, [english]]) => [key, english])) }, ["en"]);

test("a picked prompt keeps its id until a letter of it is changed", () => {
  const picked = { id: "boat", text: "A red boat drifts" };
  assert.equal(pickedId(picked, "A red boat drifts"), "boat");
  assert.equal(pickedId(picked, "A red boat drifts by night"), "");
  assert.equal(pickedId(null, "A red boat drifts"), "");
});

test("each guess says where it came from, or what it could be", () => {
  assert.equal(guessedFrom("name"), "from the file's name");
  assert.equal(guessedFrom("tag:<b>comment</b>"), "from what a tool wrote into the file (<b>comment</b>)"); // a text, set as one
  assert.equal(guessedFrom("", ["veo-3", "veo-3.1"]), "could be veo-3, veo-3.1");
  assert.equal(guessedFrom("", []), "");
});

test("a task leads to its takes on the wall", () => {
  const task = { takes: ["a"], prompts: ["k 1"], models: ["m", "n"], n_takes: 2, state: "done" };
  assert.equal(wallQuery(task), "prompt=k+1");
  assert.equal(wallQuery({ ...task, prompts: ["k", "l"] }), "");
  assert.equal(wallQuery({ ...task, prompts: ["k", "l"], models: ["m"] }), "model=m");
  assert.equal(wallQuery({ ...task, takes: [] }), "");
});

test("how many takes are there is said while some are missing", () => {
  assert.equal(howMany({ takes: ["a"], n_takes: 2, state: "done" }), "1 of 2 takes");
  assert.equal(howMany({ takes: [], n_takes: 2, state: "running" }), "0 of 2 takes");
  assert.equal(howMany({ takes: ["a", "b"], n_takes: 2, state: "done" }), "");
  assert.equal(howMany({ takes: [], n_takes: 0, state: "running" }), "");
});

test("a clip that was made and never arrived costs nothing to ask for again", () => {
  assert.ok(isFetchedOnly({ reason: "download_failed", submitted_at: "2026-11-24T00:00:00Z" }));
  assert.ok(!isFetchedOnly({ reason: "download_failed", submitted_at: null }));
  assert.ok(!isFetchedOnly({ reason: "provider_error", submitted_at: "2026-11-24T00:00:00Z" }));
});

test("of a dropped folder clips and tables are taken, what is hidden is not", () => {
  const paths = ["a/b.mp4", "a/.b.mp4", ".git/x.mp4", "__MACOSX/a.mov", "costs.csv", "notes.txt", "x.WEBP"];
  assert.deepEqual(paths.filter(isWanted), ["a/b.mp4", "costs.csv", "x.WEBP"]);
});

test("a table beside the clips says what they cost", () => {
  const costs = costsIn('\ufefffile;cost;credits\nday/Fox.mp4;"$0.50";12\nb.mp4;;\n');
  assert.deepEqual(costs.get("fox.mp4"), { cost: 0.5, credits: "12" });
  assert.deepEqual(costs.get("b.mp4"), { cost: null, credits: "" });
  assert.equal(costsIn("what,ever\n1,2").size, 0);
});

test("two files for one take are numbered, the first keeps its own", () => {
  const row = (model, sample) => ({ model, prompt_id: "p", prompt: "", sample });
  const rows = [row("a", 0), row("a", 0), row("b", 0), row("a", 1)];
  numberTakes(rows);
  assert.deepEqual(
    rows.map((one) => one.sample),
    [0, 1, 0, 2],
  );
});

test("a reason is that of a rejected take, and a star takes a rejection back", () => {
  const open = choiceOf({});
  const rejected = changed({ ...open, stars: 3 }, { state: "reject", reason: "hands" });
  assert.deepEqual(rejected, { stars: 0, state: "reject", reason: "hands", ranges: [] });
  assert.deepEqual(changed(rejected, { stars: 4 }), { stars: 4, state: "", reason: "", ranges: [] });
  assert.equal(changed(rejected, { state: "selected" }).reason, "");
});

test("ranges that meet become one", () => {
  assert.deepEqual(withRange([[2, 3]], 0, 1), [
    [0, 1],
    [2, 3],
  ]);
  assert.deepEqual(withRange([[2, 3]], 1, 2), [[1, 3]]);
  assert.deepEqual(
    withRange(
      [
        [0, 1],
        [2, 3],
      ],
      0.5,
      2.5,
    ),
    [[0, 3]],
  );
});

test("of too many takes each tool has one before any has two", () => {
  const clips = ["a", "a", "a", "b", "c", "c"].map((model, id) => ({ model, id }));
  const ids = (n) => roundRobin(clips, n).map((clip) => clip.id);
  assert.deepEqual(ids(3), [0, 3, 4]);
  assert.deepEqual(ids(5), [0, 1, 3, 4, 5]);
  assert.equal(ids(9).length, 6);
});

test("a tool says in a line how it is asked, and what nobody knows is left out", () => {
  const plan = {
    width: 1280,
    height: 720,
    seconds: 5,
    fps: 24,
    audio: false,
    image_use: "image",
    comparable_group: "A",
  };
  assert.equal(settingOf(plan), "1280 × 720 · 5 s · 24 fps · silent · image · group A");
  const unknown = { ...plan, width: null, height: null, seconds: null, fps: null, audio: null, image_use: "" };
  assert.equal(settingOf(unknown), "group A");
});

test("tools that are asked differently say in what", () => {
  const plan = { width: 1280, height: 720, seconds: 5, fps: 24, audio: false, image_use: "" };
  assert.deepEqual(differing([plan, { ...plan }]), []);
  assert.deepEqual(differing([plan, { ...plan, seconds: 8, audio: true }]), ["make.differLength", "make.differSound"]);
  assert.deepEqual(differing([plan, { ...plan, height: 1080 }]), ["make.differSize"]);
});

test("tools are found by what their makers say of commercial use", () => {
  const model = { rights: { commercial_use: { answer: "conditions", says: "", source: "", checked_on: "" } } };
  assert.ok(passes(model, ""));
  assert.ok(passes(model, "conditions"));
  assert.ok(!passes(model, "yes"));
  assert.ok(!passes({ rights: {} }, "yes"));
});
