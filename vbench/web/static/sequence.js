// @ts-check
// Ranges of takes one after another on one clock: the next one stands ready before the join, so that nothing is waited for.

import { Clock } from "./clock.js";
import { frameAt } from "./framestep.js";
import { stand, start } from "./starting.js";
import { steering } from "./steering.js";
import { localTime } from "./sync.js";
import { Take } from "./take.js";

/** @import { ClipFacts, ShotFacts } from "../types/page.js" */
/** @import { Steering } from "./steering.js" */

const READY_AHEAD_S = 0.3; // the next video runs behind the picture from here on
const WAKE_S = 0.03; // a video that begins at its first frame takes about this long to move
const HELD_BACK_AFTER_MS = 80;
const KEPT = 4; // videos that hold data at a time

/**
 * Where each shot begins, and the end: one more than there are shots.
 * @param {readonly ShotFacts[]} shots
 * @returns {number[]}
 */
export function beginnings(shots) {
  const starts = [0];
  for (const shot of shots) starts.push(starts[starts.length - 1] + shot.out_s - shot.in_s);
  return starts;
}

/**
 * The shot on screen at a second; the last one at the end.
 * @param {readonly number[]} starts as `beginnings`
 * @param {number} timeS
 */
export function shotAt(starts, timeS) {
  let index = 0;
  while (index < starts.length - 2 && starts[index + 1] <= timeS + 1e-6) index += 1;
  return index;
}

/** Tells `time`, `shot` and `state`. */
export class Sequence extends EventTarget {
  /** Until the browser has shown that it can be nudged. @type {Steering} */ steering = "free";
  /** @type {readonly ShotFacts[]} */ shots = [];
  /** @type {number[]} */ starts = [0];
  /** Place → its take, while it is kept. @type {Map<number, Take>} */ takes = new Map();

  /**
   * @param {HTMLElement} stage
   * @param {Map<string, ClipFacts>} clips
   */
  constructor(stage, clips) {
    super();
    this.stage = stage;
    this.clips = clips;
    this.clock = new Clock();
    this.playing = false;
    this.sound = true;
    this.current = -1;
    this.abort = new AbortController();
  }

  #request = 0;
  #epoch = 0;
  #lackSince = 0;

  get length() {
    return this.starts[this.starts.length - 1];
  }

  get time() {
    return Math.max(0, Math.min(this.clock.time, this.length));
  }

  /** @param {"time" | "shot" | "state"} type */
  #tell(type) {
    this.dispatchEvent(new CustomEvent(type));
  }

  /**
   * Other shots; the picture goes to where it was, or to a time.
   * @param {readonly ShotFacts[]} shots
   * @param {number} [timeS]
   */
  async set(shots, timeS = this.time) {
    this.pause();
    for (const take of this.takes.values()) take.dispose();
    this.takes.clear();
    this.shots = shots;
    this.starts = beginnings(shots);
    this.current = -1;
    await this.seek(timeS);
  }

  /**
   * The take of a shot, its video on the way; null where there is no such shot.
   * @param {number} index
   */
  #take(index) {
    const shot = this.shots[index];
    const clip = shot && this.clips.get(shot.clip);
    if (!clip) return null;
    let take = this.takes.get(index);
    if (!take) {
      take = new Take(clip, 0);
      take.offsetS = shot.in_s - this.starts[index];
      take.loaded = take.load(this.abort.signal);
      this.takes.set(index, take);
      this.stage.append(take.element);
    }
    return take;
  }

  /** @param {number} index */
  #show(index) {
    if (index === this.current) return;
    const before = this.takes.get(this.current);
    this.current = index;
    for (const [place, take] of this.takes) {
      take.element.classList.toggle("on-top", place === index);
      take.video.muted = place !== index || !this.sound;
      const isNear = place >= index - 1 && place < index - 1 + KEPT;
      if (!isNear) {
        take.dispose();
        this.takes.delete(place);
      }
    }
    before?.video.pause();
    this.#tell("shot");
  }

  /** @param {boolean} on */
  hear(on) {
    this.sound = on;
    for (const [place, take] of this.takes) take.video.muted = place !== this.current || !on;
    this.#tell("state");
  }

  async play() {
    if (!this.shots.length) return;
    const epoch = ++this.#epoch;
    this.playing = true;
    this.clock.stop();
    if (this.clock.time >= this.length - 0.02) this.clock.seek(0);
    this.#tell("state");
    const timeS = this.time;
    const index = shotAt(this.starts, timeS);
    const take = this.#take(index);
    for (const ahead of [1, 2]) void this.#ready(index + ahead);
    await take?.loaded;
    if (epoch !== this.#epoch) return;
    if (take?.ok)
      void steering(take.video.currentSrc, take.durationS).then((chosen) => {
        this.steering = chosen;
      });
    this.#show(index);
    if (take) {
      await stand(take, timeS, 1, "hold");
      await start(take, timeS, "hold");
    }
    if (epoch !== this.#epoch) return;
    this.clock.start();
    cancelAnimationFrame(this.#request);
    this.#request = requestAnimationFrame(() => this.#tick(epoch));
  }

  /**
   * Have a shot stand at its beginning, painted, below the one that plays.
   * @param {number} index
   */
  async #ready(index) {
    const take = this.#take(index);
    if (!take || take.isStanding) return;
    take.isStanding = true;
    await take.loaded;
    if (this.takes.get(index) === take && this.current !== index)
      await stand(
        take,
        Math.max(this.starts[index] - READY_AHEAD_S, this.starts[index] - this.shots[index].in_s),
        1,
        "hold",
      );
  }

  /** @param {number} epoch */
  #tick(epoch) {
    if (epoch !== this.#epoch || !this.playing) return;
    this.#request = requestAnimationFrame(() => this.#tick(epoch));
    if (this.#heldBack(performance.now())) return;
    const timeS = this.clock.time;
    if (timeS >= this.length) {
      this.pause();
      void this.seek(this.length);
      return;
    }
    const index = shotAt(this.starts, timeS);
    const take = this.#take(index);
    this.#show(index);
    if (take) {
      const isLed = (this.sound && take.clip.has_audio) || this.steering === "free";
      take.follow(timeS, 1, "hold", isLed && this.#follow(take, timeS) ? "free" : this.steering);
    }
    for (const ahead of [1, 2]) void this.#ready(index + ahead);
    const next = this.takes.get(index + 1);
    const leftS = this.starts[index + 1] - timeS;
    if (next?.ok && leftS < READY_AHEAD_S) {
      if (localTime(timeS, next, "hold").localS > 0 && timeS + next.offsetS >= 0)
        next.follow(timeS, 1, "hold", this.steering);
      else if (leftS < WAKE_S && next.video.paused) void next.run();
    }
    this.#tell("time");
  }

  /**
   * Nudging would be heard, or stop the video: the clock goes after it.
   * @param {Take} take
   * @param {number} timeS
   */
  #follow(take, timeS) {
    if (!take.ok || take.video.paused || take.video.seeking) return false;
    const error = take.video.currentTime - take.offsetS - timeS;
    if (Math.abs(error) > 0.25) return false;
    this.clock.seek(timeS + 0.1 * error);
    return true;
  }

  /**
   * A shot without data stops the clock.
   * @param {number} now
   */
  #heldBack(now) {
    const take = this.takes.get(this.current);
    if (!take?.ok || take.hasData || take.video.seeking) {
      if (this.#lackSince && !this.clock.running) this.clock.start();
      this.#lackSince = 0;
      return false;
    }
    this.#lackSince ||= now;
    if (now - this.#lackSince > HELD_BACK_AFTER_MS) this.clock.stop();
    return !this.clock.running;
  }

  pause() {
    this.#epoch += 1;
    cancelAnimationFrame(this.#request);
    this.clock.stop();
    this.#lackSince = 0;
    const was = this.playing;
    this.playing = false;
    for (const take of this.takes.values()) take.video.pause();
    if (was) this.#tell("state");
  }

  toggle() {
    if (this.playing) this.pause();
    else void this.play();
  }

  /**
   * Show the frame of a second; playing goes on from it.
   * @param {number} timeS
   */
  async seek(timeS) {
    const goesOn = this.playing;
    this.pause();
    const epoch = this.#epoch;
    this.clock.seek(Math.max(0, Math.min(timeS, this.length)));
    this.#tell("time");
    if (!this.shots.length) return;
    const index = shotAt(this.starts, this.time);
    const take = this.#take(index);
    await take?.loaded;
    if (epoch !== this.#epoch) return;
    this.#show(index);
    if (goesOn) {
      await this.play();
      return;
    }
    const lastS = this.starts[index + 1] - 0.5 / (take?.fps ?? 24); // the end shows the last frame that is in the shot
    await take?.settle(Math.min(this.time, lastS), "hold");
    if (epoch === this.#epoch) for (const ahead of [1, 2]) void this.#ready(index + ahead);
    this.#tell("time");
  }

  /**
   * Step whole frames of the shot on screen, into the next one at its end.
   * @param {number} frames
   */
  async step(frames) {
    const take = this.takes.get(this.current);
    if (!take) return;
    const shot = this.shots[this.current];
    const [first, last] = [frameAt(shot.in_s, take.fps, Infinity), frameAt(shot.out_s - 1e-3, take.fps, Infinity)];
    const now = frameAt(Math.min(this.time + take.offsetS, shot.out_s - 1e-3), take.fps, Infinity) + frames;
    if (now > last) await this.seek(this.starts[this.current + 1] + 1e-4);
    else if (now < first) await this.seek(this.starts[this.current] - 1e-3);
    else await this.seek((now + 0.5) / take.fps - take.offsetS);
  }

  close() {
    this.pause();
    this.abort.abort();
    for (const take of this.takes.values()) take.dispose();
    this.takes.clear();
  }
}
