// Links, the wall's window, modes, curves, plots, keys and words: all that the pages compute.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { groups, paretoFront, scaled, ticks } from "../../../vbench/ui/static/charts.js";
import { best } from "../../../vbench/ui/static/facts.js";
import { columnsFor, spriteTile, windowOf } from "../../../vbench/ui/static/grid.js";
import { ARENA_KEYS, commandFor, keyName, PLAYER_KEYS } from "../../../vbench/ui/static/keys.js";
import { DEFAULTS, fromQuery, toQuery } from "../../../vbench/ui/static/link.js";
import { retryable, retryBody } from "../../../vbench/ui/static/runs.js";
import { bestColumns, clampPan, zoomAt } from "../../../vbench/ui/static/stage.js";
import { nextMoment, points, range } from "../../../vbench/ui/static/timeline.js";
import { pickLocale, setWords, t } from "../../../vbench/ui/static/words.js";

const STATIC = new URL("../../../vbench/ui/static/", import.meta.url);
const SOURCES = readdirSync(STATIC).filter((name) => name.endsWith(".js")).map((name) => [name, readFileSync(new URL(name, STATIC), "utf8")]);

test("a link carries the state and gives it back", () => {
  const state = {
    ...DEFAULTS, takes: ["0123456789abcdef", "fedcba9876543210"], mode: "wipe", timeS: 1.2345, inS: 0.5, outS: 2, rate: 0.5, align: "frame", ending: "loop", looping: false,
    offsets: [0, -0.0417], a: 1, b: 0, gain: 8, mix: 0.25, wipe: 0.3, zoom: 2, x: 0.25, y: -0.5, metrics: ["flicker"], solo: 1,
  };
  assert.deepEqual(fromQuery(toQuery(state)), state);
});

test("a link that says nonsense opens as by default", () => {
  const state = fromQuery("takes=../etc,<b>,0123456789abcdef,0123456789abcdef&mode=evil&t=NaN&rate=1e9&zoom=-4&metrics=<script>&a=77&offset=x");
  assert.deepEqual(state.takes, ["0123456789abcdef"]);
  assert.equal(state.mode, "grid");
  assert.deepEqual([state.timeS, state.rate, state.zoom, state.a], [0, 4, 1, 0]);
  assert.deepEqual([state.metrics, state.offsets], [[], [0]]);
  assert.equal(fromQuery(`takes=${Array.from({ length: 30 }, (_, i) => `abcdef${i}`).join(",")}`).takes.length, 9);
});

test("the wall keeps few cards of ten thousand, and every card is reached", () => {
  const at = (scrollTop) => windowOf({ total: 10_000, columns: 4, rowHeight: 300, scrollTop, viewHeight: 900 });
  const seen = new Set();
  for (let top = 0; top <= at(0).height; top += 150) {
    const { first, end } = at(top);
    assert.ok(end - first <= 32);
    for (let index = first; index < end; index += 1) seen.add(index);
  }
  assert.equal(seen.size, 10_000);
  assert.deepEqual(windowOf({ total: 0, columns: 4, rowHeight: 300, scrollTop: 0, viewHeight: 900 }), { first: 0, end: 0, offset: 0, height: 0 });
  assert.equal(columnsFor(100, 236, 14), 1);
});

test("a pointer over a card means a still of the strip", () => {
  const shape = { columns: 10, rows: 4, n: 38 };
  assert.deepEqual(spriteTile(0, shape), { index: 0, x: 0, y: 0 });
  assert.equal(spriteTile(0.9999, shape).index, 37);
  assert.deepEqual(spriteTile(0.5, { columns: 1, rows: 1, n: 1 }), { index: 0, x: 0, y: 0 });
});

test("pictures are laid as large as they go", () => {
  assert.equal(bestColumns(4, 16 / 9, 1400, 640, 30), 2);
  assert.equal(bestColumns(2, 16 / 9, 1400, 640, 30), 2);
  assert.equal(bestColumns(2, 16 / 9, 390, 640, 30), 1);
  assert.equal(bestColumns(9, 16 / 9, 1400, 800, 30), 3);
  assert.equal(bestColumns(3, 9 / 16, 1400, 640, 30), 3);
});

test("zooming keeps the point under the pointer, and panning stays on the picture", () => {
  const view = zoomAt({ zoom: 1, x: 0, y: 0 }, 4, 0.25, -0.1);
  const shownAt = (picture, axis) => picture * view.zoom + view[axis]; // where a point of the picture lies in the frame
  assert.ok(Math.abs(shownAt(0.25, "x") - 0.25) < 1e-9 && Math.abs(shownAt(-0.1, "y") + 0.1) < 1e-9);
  assert.deepEqual(clampPan(2, 9, -9), { x: 0.5, y: -0.5 });
  assert.equal(zoomAt(view, 0.01, 0, 0).zoom, 1);
});

test("curves lie on the clock, not on the take's own time", () => {
  const curve = { t_s: [0, 1], value: [0, 10] };
  assert.equal(points(curve, { offsetS: -1, speed: 1 }, 4, [0, 10], 100, 50), "25.0,50.0 50.0,0.0");
  assert.deepEqual(range([curve, { t_s: [0], value: [-3] }]), [-3, 10]);
  assert.deepEqual(range([{ t_s: [0], value: [2] }]), [1.5, 2.5]);
  assert.deepEqual(range([]), [0, 1]);
});

test("the next moment goes round, both ways", () => {
  const moments = [{ timeS: 2 }, { timeS: 1 }, { timeS: 3 }];
  assert.equal(nextMoment(moments, 1, 1).timeS, 2);
  assert.equal(nextMoment(moments, 3, 1).timeS, 1);
  assert.equal(nextMoment(moments, 1, -1).timeS, 3);
  assert.equal(nextMoment([], 1, 1), null);
});

test("the Pareto front has exactly what nothing beats", () => {
  const cloud = Array.from({ length: 60 }, (_, i) => ({ x: (i * 37) % 61, y: (i * 17) % 53 }));
  for (const higher of [true, false]) {
    const better = (a, b) => a.x <= b.x && (higher ? a.y >= b.y : a.y <= b.y) && (a.x < b.x || a.y !== b.y);
    const expected = cloud.map((_, index) => index).filter((index) => !cloud.some((other) => better(other, cloud[index])));
    assert.deepEqual(paretoFront(cloud, higher).sort((a, b) => a - b), expected);
  }
});

test("tools that cannot be told from a leader are its group, chains are not", () => {
  const rank = (low, high) => ({ rank_low: low, rank_high: high });
  assert.deepEqual(groups([rank(1, 1), rank(2, 3), rank(2, 3), rank(4, 4)]), [0, 1, 1, 2]);
  assert.deepEqual(groups([rank(1, 2), rank(1, 3), rank(2, 3)]), [0, 0, 0]);
  assert.deepEqual(groups([rank(1, 2), rank(2, 3), rank(3, 4)]), [0, 0, 1]);
  assert.deepEqual(groups([rank(null, null)]), [-1]);
});

test("scales: round ticks, and a share that is always better upwards", () => {
  assert.deepEqual(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticks(0.91, 0.97, 3), [0.92, 0.94, 0.96]);
  assert.deepEqual(scaled([1, 3, NaN, 2], true), [0, 1, null, 0.5]);
  assert.deepEqual(scaled([1, 3], false), [1, 0]);
  assert.equal(best([0.2, 0.9, NaN], true), 1);
  assert.equal(best([0.2, 0.9], false), 0);
  assert.equal(best([0.9, 0.9], true), -1, "a tie has no winner");
  assert.equal(best([1, 2], null), -1, "a neutral metric has no winner");
});

test("keys mean what the table says, on keyboards where ? and + need Shift too", () => {
  const press = (key, extra = {}) => commandFor({ key, code: "", shiftKey: false, altKey: false, ctrlKey: false, metaKey: false, ...extra }, PLAYER_KEYS);
  assert.equal(press(" ").command, "toggle");
  assert.equal(press("ArrowRight").command, "stepForward");
  assert.equal(press("ArrowRight", { altKey: true }).command, "offsetLater");
  assert.equal(press("E", { shiftKey: true }).command, "previousWorst");
  assert.equal(press("?", { shiftKey: true }).command, "help");
  assert.equal(press("+", { shiftKey: true }).command, "zoomIn");
  assert.deepEqual(press("3", { code: "Digit3" }), { command: "digit", digit: 3 });
  assert.deepEqual(press("#", { code: "Digit3", shiftKey: true }), { command: "solo", digit: 3 });
  assert.equal(press("0", { code: "Digit0" }).command, "difference");
  assert.equal(press("s", { ctrlKey: true }), null, "the browser's own shortcuts stay");
  assert.equal(keyName("Shift+ArrowLeft"), "Shift + ←");
  for (const table of [PLAYER_KEYS, ARENA_KEYS]) {
    const keys = table.flatMap(([names]) => names);
    assert.equal(new Set(keys).size, keys.length, "no key means two things");
  }
});

test("only the newest attempt of a place is tried again, at the price that was shown", () => {
  const job = (id, state, extra = {}) => ({ id, state, model: "m", prompt_id: "p", prompt: "text", sample: 0, is_billable: true, estimate_usd: 0.5, ...extra });
  const jobs = [job("open", "running"), job("old", "failed"), job("ended", "failed", { sample: 1 }), job("made", "succeeded", { sample: 2 }), job("lost", "outcome_unknown", { model: "n" })];
  assert.deepEqual([...retryable(jobs)], ["ended", "lost"]);
  assert.deepEqual(retryBody(jobs[2], false), { max_cost: 0.5, allow_unpriced: false, understood: false });
  assert.deepEqual(retryBody(job("x", "failed", { estimate_usd: null }), true), { max_cost: null, allow_unpriced: true, understood: true });
  assert.deepEqual(retryBody(job("x", "failed", { is_billable: false, estimate_usd: 0 }), false), { max_cost: null, allow_unpriced: false, understood: false });
});

test("the language follows the browser, region or not", () => {
  assert.equal(pickLocale(["zh-TW", "en"], ["en", "zh-CN"]), "zh-CN");
  assert.equal(pickLocale(["fr", "de"], ["en", "zh-CN"]), "en");
  setWords({ en: { a: "{n} of {n}: {who}" } }, ["en"]);
  assert.equal(t("a", { n: 2, who: "<b>" }), "2 of 2: <b>");
});

test("every word the scripts ask for is there, and every word that is there is asked for", () => {
  const table = JSON.parse(readFileSync(new URL("../words.json", STATIC), "utf8"));
  const source = SOURCES.map(([, text]) => text).join("\n");
  const plain = [...source.matchAll(/["'`]([a-z]+(?:\.[A-Za-z_]+)+)["'`]/g)].map((match) => match[1]);
  const asked = [...source.matchAll(/\bt\((["'`])([^"'`$]+)\1/g)].map((match) => match[2]);
  for (const key of asked) assert.ok(key in table, `${key} is not in words.json`);
  const families = [...source.matchAll(/`([a-z]+\.)\$\{/g)].map((match) => match[1]);
  for (const key of Object.keys(table)) {
    const used = plain.includes(key) || asked.includes(key) || families.some((family) => key.startsWith(family));
    assert.ok(used, `${key} is asked for nowhere`);
  }
});

test("text from outside cannot become markup, and nothing is loaded from elsewhere", () => {
  for (const [name, source] of SOURCES) {
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, name);
    assert.doesNotMatch(source.replace("http://www.w3.org/2000/svg", ""), /https?:\/\//, name);
  }
});
