// The player's arithmetic: one clock, what each take owes it, frames and seconds.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Clock } from "../../../vbench/web/static/clock.js";
import { clockcode, frameAt, frameCentre, showFrame, timecode } from "../../../vbench/web/static/framestep.js";
import { steeringOf } from "../../../vbench/web/static/steering.js";
import { clockTime, correction, localTime, programLength, speeds, within } from "../../../vbench/web/static/sync.js";

const take = (values = {}) => ({ fps: 24, nFrames: 48, durationS: 2, offsetS: 0, speed: 1, ...values });
const RATES = [8, 12, 16, 24000 / 1001, 24, 25, 30000 / 1001, 30, 50, 60];

test("the clock runs, stops, changes rate and runs backwards without jumping", () => {
  let now = 1000;
  const clock = new Clock(() => now);
  now = 5000;
  assert.equal(clock.time, 0);
  clock.start();
  now += 500;
  assert.equal(clock.time, 0.5);
  clock.setRate(2);
  now += 500;
  assert.equal(clock.time, 1.5);
  clock.setRate(-1);
  now += 250;
  assert.equal(clock.time, 1.25);
  clock.stop();
  now += 9000;
  assert.equal(clock.time, 1.25);
  clock.seek(7);
  assert.equal(clock.time, 7);
});

test("a take is left alone when near, nudged when off until it is nearer still, sought when far", () => {
  assert.deepEqual(correction(1, 1.001, 1, false), { rate: 1, nudging: false });
  assert.ok(correction(1, 1.001, 1, true).rate < 1, "once nudged, on to the nearer threshold");
  assert.deepEqual(correction(1, 1.0003, 1, true), { rate: 1, nudging: false });
  assert.ok(correction(1, 0.98, 1, false).rate > 1, "behind: faster");
  assert.ok(correction(1, 1.02, 1, false).rate < 1, "ahead: slower");
  assert.ok(Math.abs(correction(1, 0.8, 1, false).rate - 1.3) < 1e-9, "never more than 30 %");
  assert.ok(Math.abs(correction(1, 0.8, 0.5, false).rate - 0.65) < 1e-9, "a share of the rate asked for");
  assert.deepEqual(correction(5, 1, 1, true), { seekS: 5 });
});

test("nudging brings a late video to the clock and keeps it there, even one that runs a little fast", () => {
  let [clock, video, nudging] = [1, 0.85, false];
  for (let tick = 0; tick < 400; tick += 1) {
    const move = correction(clock, video, 1, nudging);
    nudging = move.nudging;
    video += (move.rate * 1.002) / 60;
    clock += 1 / 60;
    if (tick > 150) assert.ok(Math.abs(clock - video) < 0.002, `${clock - video} at ${tick}`);
  }
});

test("takes are aligned by second, frame number or percentage", () => {
  const takes = [take(), take({ fps: 12, durationS: 4 })];
  assert.deepEqual(speeds(takes, "time"), [1, 1]);
  assert.deepEqual(speeds(takes, "frame"), [1, 2], "12 fps must run twice as fast to show the same frame number");
  assert.deepEqual(speeds(takes, "percent"), [1, 2]);
});

test("different lengths stop at the shortest, hold, or loop", () => {
  const short = take({ nFrames: 24, durationS: 1 });
  const late = take({ offsetS: -0.5 });
  assert.equal(programLength([short, take()], "shortest"), 1);
  assert.equal(programLength([short, late], "hold"), 2.5);
  assert.equal(programLength([], "hold"), 0);
  assert.deepEqual(localTime(1.7, short, "hold"), { localS: 23.5 / 24, held: true });
  assert.ok(Math.abs(localTime(1.7, short, "loop").localS - 0.7) < 1e-9);
  assert.deepEqual(localTime(0.2, late, "hold"), { localS: 0.5 / 24, held: true }, "not begun yet: its first frame");
  assert.ok(Math.abs(localTime(-0.3, short, "loop").localS - 0.7) < 1e-9, "modulo of a negative time");
});

test("clock time is the inverse of local time", () => {
  for (const moved of [take(), take({ offsetS: 0.3 }), take({ speed: 2, offsetS: -0.1 })]) {
    assert.ok(Math.abs(localTime(clockTime(0.7, moved), moved, "hold").localS - 0.7) < 1e-9);
  }
});

test("the loop wraps, and without looping both ends stop", () => {
  assert.deepEqual(within(1.2, 0.5, 1, true), { timeS: 0.5, wrapped: true, ended: false });
  assert.deepEqual(within(1.2, 0.5, 1, false), { timeS: 1, wrapped: false, ended: true });
  assert.deepEqual(within(0.1, 0.5, 1, false), { timeS: 0.5, wrapped: false, ended: true });
  assert.deepEqual(within(0.7, 0.5, 1, true), { timeS: 0.7, wrapped: false, ended: false });
});

test("the centre and the start of every frame belong to that frame, at every rate", () => {
  for (const fps of RATES) {
    for (let frame = 0; frame < 3600; frame += 1) {
      assert.equal(frameAt(frameCentre(frame, fps), fps, 3600), frame);
      assert.equal(frameAt(frame / fps, fps, 3600), frame, `${frame} at ${fps}`);
    }
  }
  assert.equal(frameAt(99, 24, 48), 47);
  assert.equal(frameAt(-1, 24, 48), 0);
});

/** A paused video that presents a frame soon after a seek, and says of it what a browser says. */
class FakeVideo extends EventTarget {
  #says;
  #callbacks = new Map();
  #at = 0;

  constructor(says) {
    super();
    this.#says = says;
  }

  get currentTime() {
    return this.#at;
  }

  set currentTime(value) {
    this.#at = value;
    setTimeout(() => {
      this.dispatchEvent(new Event("seeked"));
      const now = [...this.#callbacks.values()];
      this.#callbacks.clear();
      for (const callback of now) callback(0, { mediaTime: this.#says(value) });
    }, 5);
  }

  requestVideoFrameCallback(callback) {
    this.#callbacks.set(callback, callback);
    return 1;
  }

  cancelVideoFrameCallback() {
    this.#callbacks.clear();
  }
}

test("a step ends when its frame is on screen, whichever moment of the frame the browser names", async () => {
  const fps = 24;
  const names = {
    "its first moment": (sought) => Math.round((Math.floor(sought * fps) / fps) * 1e6) / 1e6,
    "the moment sought": (sought) => Math.round(sought * 1e6) / 1e6,
  };
  for (const [what, says] of Object.entries(names)) {
    const video = new FakeVideo(says);
    for (const frame of [1, 2, 47, 8]) assert.equal(await showFrame(video, frame, fps, 200), frame, what);
  }
  assert.ok(Number.isNaN(await showFrame(new FakeVideo(() => 0), 5, fps, 50)), "another frame than was sought");
});

test("times are written for people", () => {
  assert.equal(timecode(frameCentre(31, 24), 24), "00:00:01:07");
  assert.equal(timecode(0, 24), "00:00:00:00");
  for (const fps of [23.976, 24, 25, 29.97, 30, 60]) {
    const rounded = (n) => Math.round((1000 * n) / fps) / 1000;
    for (const n of [1, 7, 31]) assert.equal(timecode(rounded(n), fps), timecode(frameCentre(n, fps), fps));
  }
  assert.equal(clockcode(61.0416), "1:01.042");
  assert.equal(clockcode(59.9999), "1:00.000");
});

test("a browser is nudged only where a change of rate leaves its pictures coming", () => {
  const before = { readyState: 4, frames: 7 };
  assert.equal(steeringOf(before, { readyState: 4, frames: 7 }), "nudged");
  assert.equal(steeringOf(before, { readyState: 3, frames: 5 }), "nudged", "a busy machine drops some");
  assert.equal(steeringOf(before, { readyState: 2, frames: 7 }), "free", "WebKit says that it cannot go on");
  assert.equal(steeringOf(before, { readyState: 4, frames: 1 }), "free", "it stood still");
});
