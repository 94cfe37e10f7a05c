// What the pages Bring & generate and Runs compute.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { guessedFrom } from "../../../vbench/web/static/bring.js";
import { pickedId } from "../../../vbench/web/static/generate.js";
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
