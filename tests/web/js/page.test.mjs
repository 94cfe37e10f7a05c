// Links, the wall's window, modes, curves, plots, keys and words: all that the pages compute.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { ApiError } from "../../../vbench/web/static/api.js";
import { groups, inOrder, paretoFront, scaled, ticks } from "../../../vbench/web/static/charts.js";
import {
  apart,
  beyond,
  commonRange,
  nextMoment,
  points,
  range,
  rowsOf,
  valueAt,
} from "../../../vbench/web/static/curves.js";
import { best } from "../../../vbench/web/static/facts.js";
import { clampPan, loupeAt, pinched, zoomAt } from "../../../vbench/web/static/gestures.js";
import { columnsFor, spriteTile, windowOf } from "../../../vbench/web/static/grid.js";
import { ARENA_KEYS, commandFor, keyName, PLAYER_KEYS } from "../../../vbench/web/static/keys.js";
import { placeLabels } from "../../../vbench/web/static/labels.js";
import { GAP, layout, LINE } from "../../../vbench/web/static/layout.js";
import { DEFAULTS, fromQuery, toQuery } from "../../../vbench/web/static/link.js";
import { retryable, retryBody } from "../../../vbench/web/static/runs.js";
import { namesUnder, pickLocale, sentenceOf, setWords, t } from "../../../vbench/web/static/words.js";

const STATIC = new URL("../../../vbench/web/static/", import.meta.url);
const SOURCES = readdirSync(STATIC)
  .filter((name) => name.endsWith(".js"))
  .map((name) => [name, readFileSync(new URL(name, STATIC), "utf8")]);

test("a link carries the state and gives it back", () => {
  const state = {
    ...DEFAULTS,
    takes: ["0123456789abcdef", "fedcba9876543210"],
    mode: "wipe",
    timeS: 1.2345,
    inS: 0.5,
    outS: 2,
    rate: 0.5,
    align: "frame",
    ending: "loop",
    looping: false,
    offsets: [0, -0.0417],
    a: 1,
    b: 0,
    gain: 8,
    mix: 0.25,
    wipe: 0.3,
    zoom: 2,
    x: 0.25,
    y: -0.5,
    metrics: ["flicker"],
    scale: "own",
    solo: 1,
    only: 0,
  };
  assert.deepEqual(fromQuery(toQuery(state)), state);
});

test("a link that says nonsense opens as by default", () => {
  const state = fromQuery(
    "takes=../etc,<b>,0123456789abcdef,0123456789abcdef&mode=evil&t=NaN&rate=1e9&zoom=-4&metrics=<script>&a=77&offset=x",
  );
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
  assert.deepEqual(windowOf({ total: 0, columns: 4, rowHeight: 300, scrollTop: 0, viewHeight: 900 }), {
    first: 0,
    end: 0,
    offset: 0,
    height: 0,
  });
  assert.equal(columnsFor(100, 236, 14), 1);
});

test("a pointer over a card means a still of the strip", () => {
  const shape = { columns: 10, rows: 4, n: 38 };
  assert.deepEqual(spriteTile(0, shape), { index: 0, x: 0, y: 0 });
  assert.equal(spriteTile(0.9999, shape).index, 37);
  assert.deepEqual(spriteTile(0.5, { columns: 1, rows: 1, n: 1 }), { index: 0, x: 0, y: 0 });
});

/** Picture height of takes in every even grid of columns, the best of them: shares no code with the layout. */
function bestGrid(aspects, width, height) {
  const heights = aspects.map((_, index) => {
    const columns = index + 1;
    const rows = Math.ceil(aspects.length / columns);
    return Math.min(
      (height - GAP * (rows - 1)) / rows - LINE,
      (width - GAP * (columns - 1)) / columns / Math.max(...aspects),
    );
  });
  return Math.max(...heights);
}

test("pictures are laid as large as they go, never over another, never off the stage", () => {
  const kinds = [
    [16 / 9],
    [3 / 2, 3 / 2, 3 / 2, 3 / 2],
    [9 / 16, 9 / 16, 9 / 16],
    [16 / 9, 9 / 16],
    [1.5, 0.58, 1.78, 1.78, 0.67, 1.78, 1.74],
    Array(9).fill(16 / 9),
    Array(9).fill(9 / 16),
  ];
  for (const aspects of kinds) {
    for (const [width, height] of [
      [1432, 630],
      [1272, 450],
      [1920, 1000],
      [382, 515],
    ]) {
      const laid = layout(aspects, width, height);
      const { tiles } = laid;
      assert.equal(tiles.length, aspects.length);
      const grid = Math.floor(bestGrid(aspects, width, height)) - 1;
      const area = tiles.reduce((sum, tile) => sum + tile.pictureWidth * tile.pictureHeight, 0);
      const even = aspects.reduce((sum, aspect) => sum + aspect * grid * grid, 0);
      assert.ok(area >= 0.98 * even || width < 640, `${aspects} on ${width}x${height}`);
      tiles.forEach((tile, index) => {
        assert.ok(Math.abs(tile.pictureWidth / tile.pictureHeight - aspects[index]) < 0.02, "its own shape");
        if (new Set(aspects).size === 1)
          assert.ok(tile.pictureHeight === tiles[0].pictureHeight, "takes of one shape are equally high");
        assert.ok(
          tile.left >= 0 && tile.top >= 0 && tile.left + tile.width <= width && tile.top + tile.height <= height,
          "on the stage",
        );
        for (const other of tiles.slice(index + 1)) {
          assert.ok(
            tile.left + tile.width <= other.left ||
              other.left + other.width <= tile.left ||
              tile.top + tile.height <= other.top ||
              other.top + other.height <= tile.top,
            "apart",
          );
        }
      });
    }
  }
  assert.equal(layout(Array(4).fill(1.5), 1432, 630).heads, "beside"); // a wide stage has room for text beside the pictures
  assert.equal(layout([16 / 9, 16 / 9], 1432, 630).heads, "below");
  assert.equal(layout([9 / 16, 9 / 16], 382, 515).heads, "below");
});

test("takes of mixed shapes fill what equal heights would leave black", () => {
  const aspects = [1.5, 0.5625, 1.78, 1.78];
  const [width, height] = [1432, 630];
  const tiles = layout(aspects, width, height).tiles;
  const areas = tiles.map((tile) => tile.pictureWidth * tile.pictureHeight);
  const even = Math.floor(bestGrid(aspects, width, height));
  const gain = areas.reduce((a, b) => a + b) / aspects.reduce((sum, aspect) => sum + aspect * even * even, 0);
  assert.ok(gain > 1.3, `${gain}`);
  assert.equal(layout([1.5, 0.58, 1.78, 1, 0.67, 1.78, 1.74, 0.5, 2.39], 1920, 1000).tiles.length, 9);
});

test("zooming keeps the point under the pointer, and panning stays on the picture", () => {
  const view = zoomAt({ zoom: 1, x: 0, y: 0 }, 4, 0.25, -0.1);
  const shownAt = (picture, axis) => picture * view.zoom + view[axis]; // where a point of the picture lies in the frame
  assert.ok(Math.abs(shownAt(0.25, "x") - 0.25) < 1e-9 && Math.abs(shownAt(-0.1, "y") + 0.1) < 1e-9);
  assert.deepEqual(clampPan(2, 9, -9), { x: 0.5, y: -0.5 });
  assert.equal(zoomAt(view, 0.01, 0, 0).zoom, 1);
});

test("what two fingers hold stays between them", () => {
  const view = { zoom: 2, x: 0.1, y: 0 };
  const [before, after] = [
    [
      { px: -0.1, py: 0 },
      { px: 0.1, py: 0 },
    ],
    [
      { px: -0.15, py: 0.05 },
      { px: 0.25, py: 0.05 },
    ],
  ];
  const then = pinched(view, before, after);
  assert.equal(then.zoom, 4);
  const shown = ({ zoom, x }, picture) => picture * zoom + x;
  const held = (0 - view.x) / view.zoom; // the point of the picture that was midway
  assert.ok(Math.abs(shown(then, held) - 0.05) < 1e-9);
  assert.ok(Math.abs(then.y - 0.05) < 1e-9);
  assert.equal(pinched({ zoom: 1, x: 0, y: 0 }, after, before).zoom, 1); // never smaller than the frame
});

test("the loupe shows what is under the pointer, at the edge too", () => {
  for (const at of [-0.5, -0.2, 0, 0.37, 0.5]) {
    const { zoom, x } = loupeAt(at, 0);
    assert.ok(zoom > 1 && Math.abs(at * zoom + x - at) < 1e-9);
  }
});

test("one take that falls does not flatten the others", () => {
  const calm = (level) => ({ t_s: [0, 1, 2], value: [level, level - 0.01, level] });
  const falls = { t_s: [0, 1, 2], value: [1, 0.3, 0.99] };
  const [low, high] = commonRange([calm(1), calm(0.99), falls]);
  assert.ok(low > 0.97 && low < 0.98 && high === 1, `${low} ${high}`);
  assert.deepEqual(beyond(falls, [low, high]), [{ t_s: 1, value: 0.3, side: "below" }]);
  assert.deepEqual(beyond(calm(1), [low, high]), []);
  assert.deepEqual(commonRange([falls]), [0.3, 1]); // alone, its fall is what there is to see
  assert.deepEqual(commonRange([calm(1), calm(0.5)]), range([calm(1), calm(0.5)])); // apart is not flattened
  assert.deepEqual(commonRange([]), [0, 1]);
});

test("a value is read where its curve has one", () => {
  const curve = { t_s: [0.5, 1, 1.5], value: [1, 2, 3] };
  assert.deepEqual(
    [0.1, 0.6, 1.3, 1.9].map((second) => valueAt(curve, second)),
    [1, 1, 3, 3],
  );
  assert.deepEqual(
    [-0.2, 2.2].map((second) => valueAt(curve, second)),
    [null, null],
  );
  assert.equal(valueAt({ t_s: [], value: [] }, 0), null);
});

test("marks at one moment do not hide each other", () => {
  assert.deepEqual(rowsOf([0, 0, 5, 100], 24, 3), [
    { row: 0, place: 0 },
    { row: 1, place: 0 },
    { row: 2, place: 5 },
    { row: 0, place: 100 },
  ]);
  assert.deepEqual(rowsOf([0, 0, 0], 24, 2), [
    { row: 0, place: 0 },
    { row: 1, place: 0 },
    { row: 1, place: 24 },
  ]);
  assert.deepEqual(apart([0, 10, 100], 30), [0, 30, 100]);
});

test("names of a plot lie over nothing", () => {
  let seed = 7;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  const points = Array.from({ length: 14 }, (_, index) => {
    const y = 40 + 200 * random();
    return { x: 70 + 380 * random(), y, yLow: y + 20, yHigh: y - 20, name: `some-tool-${index}` };
  });
  const front = { left: 70, right: 300, top: 100, bottom: 102 };
  const boxes = placeLabels(points, { left: 58, right: 480, top: 0, bottom: 276 }, [front]);
  const named = boxes.filter(Boolean);
  assert.ok(named.length >= 10, `${named.length} of 14`);
  const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  named.forEach((box, index) => {
    assert.ok(!over(box, front));
    for (const other of named.slice(index + 1)) assert.ok(!over(box, other));
    for (const { x, y } of points) assert.ok(!over(box, { left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
  });
  const crowd = placeLabels(
    Array.from({ length: 40 }, () => ({ x: 100, y: 100, name: "same-place" })),
    { left: 0, right: 480, top: 0, bottom: 276 },
  );
  assert.ok(crowd.includes(null) && crowd[0] !== null); // left to a hover rather than drawn over
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
    const expected = cloud
      .map((_, index) => index)
      .filter((index) => !cloud.some((other) => better(other, cloud[index])));
    assert.deepEqual(
      paretoFront(cloud, higher).sort((a, b) => a - b),
      expected,
    );
  }
});

test("tools that cannot be told from a leader are its group, chains are not", () => {
  const rank = (low, high) => ({ rank_low: low, rank_high: high });
  assert.deepEqual(groups([rank(1, 1), rank(2, 3), rank(2, 3), rank(4, 4)]), [0, 1, 1, 2]);
  assert.deepEqual(groups([rank(1, 2), rank(1, 3), rank(2, 3)]), [0, 0, 0]);
  assert.deepEqual(groups([rank(1, 2), rank(2, 3), rank(3, 4)]), [0, 0, 1]);
  assert.deepEqual(groups([rank(null, null)]), [-1]);
});

test("a tool with one prompt never stands first, and what is not measured stands last", () => {
  const row = (mean, verdict = "best") => ({ mean, verdict, model: String(mean) });
  const rows = [row(9, "too few prompts"), row(null), row(2), row(5), row(1, "too few prompts")];
  const means = (direction) => [...rows].sort(inOrder("mean", direction)).map((each) => each.mean);
  assert.deepEqual(means(-1), [5, 2, 9, 1, null]);
  assert.deepEqual(means(1), [2, 5, 1, 9, null]);
  assert.deepEqual(
    [...rows].sort(inOrder("model", 1)).map((each) => each.model),
    ["1", "2", "5", "9", "null"],
  );
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
  const press = (key, extra = {}) =>
    commandFor(
      { key, code: "", shiftKey: false, altKey: false, ctrlKey: false, metaKey: false, ...extra },
      PLAYER_KEYS,
    );
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
  const job = (id, state, extra = {}) => ({
    id,
    state,
    model: "m",
    prompt_id: "p",
    prompt: "text",
    sample: 0,
    is_billable: true,
    estimate_usd: 0.5,
    ...extra,
  });
  const jobs = [
    job("open", "running"),
    job("old", "failed"),
    job("ended", "failed", { sample: 1 }),
    job("made", "succeeded", { sample: 2 }),
    job("lost", "outcome_unknown", { model: "n" }),
  ];
  assert.deepEqual([...retryable(jobs)], ["ended", "lost"]);
  assert.deepEqual(retryBody(jobs[2], false), { max_cost: 0.5, allow_unpriced: false, understood: false });
  assert.deepEqual(retryBody(job("x", "failed", { estimate_usd: null }), true), {
    max_cost: null,
    allow_unpriced: true,
    understood: true,
  });
  assert.deepEqual(retryBody(job("x", "failed", { is_billable: false, estimate_usd: 0 }), false), {
    max_cost: null,
    allow_unpriced: false,
    understood: false,
  });
});

test("the language follows the browser, region or not", () => {
  assert.equal(pickLocale(["zh-TW", "en"], ["en", "zh-CN"]), "zh-CN");
  assert.equal(pickLocale(["fr", "de"], ["en", "zh-CN"]), "en");
  setWords({ en: { a: "{n} of {n}: {who}" } }, ["en"]);
  assert.equal(t("a", { n: 2, who: "<b>" }), "2 of 2: <b>");
});

test("every word the scripts ask for is there, and every word that is there is asked for", () => {
  const table = JSON.parse(readFileSync(new URL("../words.json", STATIC), "utf8"));
  // the server names the words of the navigation, and writes the door for guests
  const served = ["../pages.py", "../api/guests.py"].map((name) => readFileSync(new URL(name, STATIC), "utf8"));
  const source = [...SOURCES.map(([, text]) => text), ...served].join("\n");
  const plain = [...source.matchAll(/["'`]([a-z]+(?:\.[A-Za-z_]+)+)["'`]/g)].map((match) => match[1]);
  const wanted = [...source.matchAll(/\bt\((["'`])([^"'`$]+)\1/g)].map((match) => match[2]);
  for (const key of wanted) assert.ok(key in table, `${key} is not in words.json`);
  const families = [...source.matchAll(/`([a-z]+\.)\$\{/g)].map((match) => match[1]);
  for (const key of Object.keys(table)) {
    const used = plain.includes(key) || wanted.includes(key) || families.some((family) => key.startsWith(family));
    assert.ok(used, `${key} is asked for nowhere`);
  }
});

test("what went wrong is said in the page's words, wherever it is shown", () => {
  setWords({ en: { "error.offline": "The server cannot be reached." } }, ["en"]);
  assert.equal(sentenceOf(new ApiError(0, "offline")), "The server cannot be reached.");
  assert.equal(sentenceOf(new ApiError(404, "there is no clip 'a'")), "there is no clip 'a'");
  assert.equal(sentenceOf("odd"), "odd");
  for (const [name, source] of SOURCES)
    if (name !== "words.js") assert.doesNotMatch(source, /\berror\.message\b/, `${name}: sentenceOf(error) knows more`);
});

test("every script is checked for types, and no line is wider than a window", () => {
  for (const [name, source] of SOURCES) {
    const lines = source.split("\n");
    assert.equal(lines[0], "// @ts-check", name);
    lines.forEach((line, index) => {
      assert.ok(line.length <= 140, `${name}:${index + 1} has ${line.length} columns, at most 140`);
    });
  }
});

test("text from outside cannot become markup, and nothing is loaded from elsewhere", () => {
  for (const [name, source] of SOURCES) {
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, name);
    assert.doesNotMatch(source.replace("http://www.w3.org/2000/svg", ""), /https?:\/\//, name);
  }
});

test("a list is read off the keys of its words, in their order, whatever language is shown", () => {
  const words = { "group.motion": "m", "other.motion": "x", "group.a": "a" };
  setWords({ en: words, "zh-CN": { "group.a": "甲", "group.motion": "动" } }, ["zh-CN"]);
  assert.deepEqual(namesUnder("group."), ["motion", "a"]);
});
