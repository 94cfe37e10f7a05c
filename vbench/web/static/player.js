// @ts-check
// N takes on one clock: playing, seeking, stepping, looping, and what is heard. Drawing of modes is stage.js.

import { Clock } from "./clock.js";
import { frameAt, frameCentre } from "./framestep.js";
import { matchedVolumes } from "./sound.js";
import { middle, stand, start } from "./starting.js";
import { steering } from "./steering.js";
import { clockTime, localTime, programLength, SEEK_BEYOND_S, speeds, within } from "./sync.js";
import { Take } from "./take.js";

/** @import { Steering } from "./steering.js" */
/** @import { Align, Ending, Shown } from "../types/page.js" */

const CLOCK_GAIN = 0.1; // a tick of the screen takes away this share of what the clock is off
/** What moves takes against the clock. */
const MOVES = ["align", "ending", "rate"];
const HELD_BACK_AFTER_MS = 80; // a shorter gap is caught up by rate; a longer one stops the clock for all

export class Player extends EventTarget {
  /** @type {Take[]} */ takes = [];
  /** @type {Align} */ align = "time";
  /** @type {Ending} */ ending = "hold";
  /** @type {number | null} */ inS = null;
  /** @type {number | null} */ outS = null;
  /** @type {number | null} */ solo = null;
  /** Whether all takes are played as loud as the quietest. */
  matched = true;
  /** LUFS of each take, as far as known. @type {(number | undefined)[]} */ loudness = [];
  /** @type {number[] | null} */ spreads = null;
  /** @type {Steering} */ steering = "free";

  /** @param {{blind?: boolean}} [options] blind: no name anywhere */
  constructor(options = {}) {
    super();
    this.options = options;
    this.clock = new Clock();
    this.looping = true;
    this.rate = 1;
    this.playing = false;
    this.waiting = false;
    this.reference = 0;
    this.#abort = new AbortController();
  }

  #abort;
  #frameRequest = 0;
  #lackSince = 0;
  #lastTick = 0;
  /** @type {Promise<number[]>} */
  #settling = Promise.resolve([]);
  #epoch = 0;

  get length() {
    return programLength(
      this.takes.filter((take) => !take.problem),
      this.ending,
    );
  }

  get time() {
    return Math.max(0, this.clock.time);
  }

  get startS() {
    return Math.min(this.inS ?? 0, this.length);
  }

  get endS() {
    return Math.min(this.outS ?? Infinity, this.length);
  }

  /**
   * @param {string} type
   * @param {object} [detail]
   */
  #tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * Put takes on the stage, resolve when each is ready or has said why not.
   * @param {readonly Shown[]} clips
   * @param {readonly number[]} [offsets]
   */
  async open(clips, offsets = []) {
    this.close();
    this.#abort = new AbortController();
    this.takes = clips.map((clip, index) => new Take(clip, index, this.options));
    this.takes.forEach((take, index) => {
      take.offsetS = offsets[index] ?? 0;
    });
    this.reference = 0;
    this.#retime();
    this.#tell("takes");
    await Promise.all(this.takes.map((take) => take.load(this.#abort.signal)));
    this.#retime();
    this.#tell("ready");
    void this.#chooseSteering(this.#abort.signal);
  }

  /**
   * Takes run freely until the browser has shown that it can do better.
   * @param {AbortSignal} signal
   */
  async #chooseSteering(signal) {
    const [longest] = this.takes.filter((take) => take.ok).sort((a, b) => b.durationS - a.durationS);
    if (!longest) return;
    const chosen = await steering(longest.video.currentSrc, longest.durationS);
    if (signal.aborted) return;
    this.steering = chosen;
    this.#tell("steering");
  }

  close() {
    this.pause(false);
    this.#abort.abort();
    for (const take of this.takes) take.dispose();
    this.takes = [];
  }

  #retime() {
    if (!this.takes.length) return;
    const rates = speeds(this.takes, this.align);
    this.takes.forEach((take, index) => {
      take.speed = rates[index];
    });
    this.#tell("length");
  }

  /** @param {Partial<Pick<Player, "align" | "ending" | "looping" | "rate" | "inS" | "outS" | "solo" | "matched" | "loudness">>} values */
  set(values) {
    Object.assign(this, values);
    if ("align" in values) this.#retime();
    if ("solo" in values || "matched" in values || "loudness" in values) this.#sound();
    if ("rate" in values && this.clock.rate > 0) this.clock.setRate(this.rate);
    this.#tell("length");
    this.#tell("state");
    if (!this.playing || (this.steering === "free" && MOVES.some((name) => name in values))) void this.seek(this.time);
  }

  #sound() {
    const volumes = this.matched ? matchedVolumes(this.loudness) : [];
    for (const take of this.takes) {
      take.video.muted = take.index !== this.solo;
      take.video.volume = volumes[take.index] ?? 1;
    }
  }

  /**
   * @param {number} index
   * @param {number} offsetS
   */
  setOffset(index, offsetS) {
    this.takes[index].offsetS = offsetS;
    this.#tell("length");
    this.#tell("state");
    if (!this.playing || this.steering === "free") void this.seek(this.time);
  }

  /**
   * Play at a rate; a negative one goes backwards by seeking, since no browser plays backwards.
   * @param {number} [rate]
   */
  async play(rate = this.rate) {
    if (!this.takes.some((take) => !take.problem)) return;
    const epoch = ++this.#epoch;
    this.playing = true;
    for (const take of this.takes) take.refused = false;
    this.clock.setRate(rate);
    if (rate > 0 && this.time >= this.endS - 0.02) this.clock.seek(this.startS);
    if (rate < 0 && this.time <= this.startS + 0.02) this.clock.seek(this.endS);
    this.#tell("state");
    await this.#startAll(rate, epoch);
  }

  /**
   * @param {number} rate
   * @param {number} epoch
   */
  async #startAll(rate, epoch) {
    this.clock.stop();
    const timeS = this.clock.time;
    for (const take of this.takes) take.soughtS = NaN;
    if (rate > 0) {
      if (this.steering === "free") for (const take of this.takes) take.video.pause();
      await Promise.all(this.takes.map((take) => stand(take, timeS, rate, this.ending)));
      if (epoch !== this.#epoch) return;
      await Promise.all(this.takes.map((take) => start(take, timeS, this.ending)));
    } else {
      for (const take of this.takes) take.video.pause();
    }
    if (epoch !== this.#epoch) return;
    this.#lackSince = 0;
    this.#lastTick = performance.now();
    if (rate > 0) this.clock.seek(middle(this.takes, timeS, this.ending));
    this.clock.start();
    cancelAnimationFrame(this.#frameRequest);
    this.#frameRequest = requestAnimationFrame(() => this.#tick(epoch));
  }

  /** @param {number} epoch */
  #tick(epoch) {
    if (epoch !== this.#epoch || !this.playing) return;
    const now = performance.now();
    const rate = this.clock.rate;
    if (this.takes.some((take) => take.refused)) {
      this.pause();
      this.#tell("refused");
      return;
    }
    if (this.#heldBack(now, rate)) {
      this.#frameRequest = requestAnimationFrame(() => this.#tick(epoch));
      return;
    }
    const at = within(this.clock.time, this.startS, this.endS, this.looping);
    if (at.ended) {
      this.pause();
      void this.seek(at.timeS >= this.endS ? Math.max(this.startS, this.endS - 1e-4) : at.timeS);
      return;
    }
    if (at.wrapped) {
      this.clock.stop();
      this.clock.seek(rate > 0 ? this.startS : this.endS - 1e-3);
      this.#tell("time");
      void this.#startAll(rate, epoch);
      return;
    }
    if (rate > 0 && this.steering === "free") this.#followMost(at.timeS, now);
    const heard = rate > 0 && this.steering === "nudged" ? this.#followHeard(at.timeS) : null;
    for (const take of this.takes) {
      if (rate > 0) take.follow(at.timeS, rate, this.ending, take === heard ? "free" : this.steering);
      else take.scrub(at.timeS, this.ending);
      if (!take.problem && !this.waiting) take.watchedS += Math.min(0.25, (now - this.#lastTick) / 1000);
    }
    this.#lastTick = now;
    if (this.spreads && rate > 0) this.spreads.push(this.spread());
    this.#tell("time");
    this.#frameRequest = requestAnimationFrame(() => this.#tick(epoch));
  }

  /**
   * Nudging would be heard: where a take is heard, the clock goes after it, and the others after the clock.
   * @param {number} timeS
   */
  #followHeard(timeS) {
    const take = this.solo === null ? undefined : this.takes[this.solo];
    if (!take?.ok || take.video.paused || take.video.seeking || localTime(timeS, take, this.ending).held) return null;
    const error = clockTime(take.video.currentTime, take) - timeS;
    if (Math.abs(error) > SEEK_BEYOND_S) return null;
    this.clock.seek(timeS + CLOCK_GAIN * error);
    return take;
  }

  /**
   * Where takes run freely the clock goes after them: after the one in the middle, by the pictures on screen.
   * @param {number} timeS
   * @param {number} now
   */
  #followMost(timeS, now) {
    const times = this.takes
      .filter((take) => !localTime(timeS, take, this.ending).held)
      .map((take) => clockTime(take.onScreenS(now), take))
      .filter((second) => Math.abs(second - timeS) < SEEK_BEYOND_S) // one that looped by itself counts another round
      .sort((a, b) => a - b);
    if (times.length) this.clock.seek(timeS + CLOCK_GAIN * (times[times.length >> 1] - timeS));
  }

  /**
   * One take without data stops the clock, so that all wait for it instead of drifting apart.
   * @param {number} now
   * @param {number} rate
   */
  #heldBack(now, rate) {
    const lacks = rate > 0 && this.takes.some((take) => this.#lacks(take, now));
    if (!lacks) {
      if (this.waiting) {
        this.waiting = false;
        this.#tell("state");
        if (this.steering === "free") {
          void this.#startAll(rate, ++this.#epoch); // all stand still, and are brought to the clock first
          return true;
        }
        this.clock.start();
        for (const take of this.takes) if (take.ok && take.video.paused) void take.run();
      }
      this.#lackSince = 0;
      return false;
    }
    if (!this.#lackSince) this.#lackSince = now;
    if (!this.waiting && now - this.#lackSince > HELD_BACK_AFTER_MS) {
      this.waiting = true;
      this.clock.stop();
      for (const take of this.takes) if (take.hasData) take.video.pause();
      this.#tell("state");
    }
    return this.waiting;
  }

  /**
   * @param {Take} take
   * @param {number} now
   */
  #lacks(take, now) {
    if (take.video.seeking) return false;
    return this.steering === "free" ? take.isStalled(now) : take.ok && !take.hasData;
  }

  /** Seconds between the most advanced and the most behind of the takes that are moving. */
  spread() {
    const times = this.takes
      .filter((take) => take.ok && !take.video.paused && !take.video.seeking)
      .map((take) => clockTime(take.video.currentTime, take));
    return times.length > 1 ? Math.max(...times) - Math.min(...times) : 0;
  }

  pause(settle = true) {
    this.#epoch += 1;
    cancelAnimationFrame(this.#frameRequest);
    this.clock.stop();
    const was = this.playing;
    this.playing = false;
    this.waiting = false;
    for (const take of this.takes) take.video.pause();
    if (was) this.#tell("state");
    if (was && settle) void this.seek(this.time);
  }

  toggle() {
    if (this.playing) this.pause();
    else void this.play();
  }

  /**
   * The time in the middle of the reference take's frame, so that every step lands on a whole frame.
   * @param {number} timeS
   */
  #onFrame(timeS) {
    const take = this.takes[this.reference];
    if (!take) return 0;
    const local = localTime(timeS, take, "hold");
    if (local.held && timeS * take.speed + take.offsetS > take.durationS) return timeS; // beyond its end: others still move
    return Math.max(0, clockTime(frameCentre(frameAt(local.localS, take.fps, take.nFrames), take.fps), take));
  }

  /**
   * Go to a time and resolve with the frame that each take shows there. Playing goes on from it.
   * Only the last of several seeks in a row is carried out.
   * @param {number} timeS
   * @returns {Promise<number[]>}
   */
  async seek(timeS) {
    const target = Math.max(0, Math.min(timeS, Math.max(0, this.length - 1e-4)));
    if (this.playing) {
      const rate = this.clock.rate;
      const epoch = ++this.#epoch;
      this.clock.seek(target);
      this.#tell("time");
      await this.#startAll(rate, epoch);
      return [];
    }
    this.clock.seek(this.#onFrame(target));
    this.#tell("time");
    const epoch = ++this.#epoch;
    await this.#settling;
    if (epoch !== this.#epoch) return [];
    this.#settling = Promise.all(this.takes.map((take) => take.settle(this.time, this.ending)));
    const frames = await this.#settling;
    this.#tell("frames", { frames });
    return frames;
  }

  /**
   * Step whole frames of the reference take, forwards or backwards.
   * @param {number} frames
   */
  async step(frames) {
    if (this.playing) this.pause(false);
    const take = this.takes[this.reference];
    if (!take) return [];
    const raw = this.time * take.speed + take.offsetS;
    const now = Math.floor(raw * take.fps + 1e-3);
    return this.seek(clockTime(frameCentre(now + frames, take.fps), take));
  }
}
