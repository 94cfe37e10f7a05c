// @ts-check
// One take on the stage: its tile, its video, and how that video is brought to a time.

import * as api from "./api.js";
import { h, icon } from "./dom.js";
import { frameAt, frameCentre, showFrame } from "./framestep.js";
import { correction, localTime, SEEK_BEYOND_S } from "./sync.js";
import { sentenceOf, t } from "./words.js";

/** @import { Ending, Shown } from "../types/page.js" */

/** @import { Steering } from "./steering.js" */

const PLAYABLE_MIN = 3; // HAVE_FUTURE_DATA
/** Without a new picture for so long a take that runs has stopped; for a slow one, three of its frames. */
const STALLED_AFTER_MS = 200;
const STARTS_WITHIN_MS = 800;

export class Take {
  /**
   * @param {Shown} clip
   * @param {number} index place on the stage, 0 to 8
   * @param {{blind?: boolean}} [options] blind: no name anywhere
   */
  constructor(clip, index, { blind = false } = {}) {
    this.clip = clip;
    this.index = index;
    this.fps = clip.fps > 0 ? clip.fps : 24;
    this.nFrames = Math.max(1, clip.n_frames || Math.round(clip.duration_s * this.fps) || 1);
    this.durationS = this.nFrames / this.fps;
    this.aspect = (clip.width || 16) / (clip.height || 9);
    this.offsetS = 0;
    this.speed = 1;
    this.problem = "";
    this.watchedS = 0;
    this.plays = 0;
    this.shownFrame = NaN;
    this.nudging = false;
    /** Of one that is loaded ahead: when it is. @type {Promise<unknown> | undefined} */
    this.loaded = undefined;
    this.isStanding = false; // brought to its beginning ahead
    this.refused = false;
    this.shownS = NaN;
    this.shownAtMs = NaN;
    this.ranAtMs = NaN;
    this.soughtS = NaN;
    this.video = h("video", {
      playsinline: true,
      preload: "auto",
      tabindex: "-1",
      "aria-hidden": "true",
      disablepictureinpicture: true,
    });
    this.video.muted = true;
    this.video.preservesPitch = false; // stretching sound makes a video with sound jump whenever its rate is nudged
    if (clip.poster_url) this.video.poster = clip.poster_url;
    this.message = h("p", { class: "tile-message", role: "status" });
    this.counter = h("span", { class: "tile-counter" });
    this.name = h("span", { class: "tile-name" }, blind ? "" : clip.model);
    this.soundButton = h("button", { type: "button", class: "tile-button", hidden: true }, icon("mute"));
    this.head = h(
      "div",
      { class: "tile-head" },
      h("span", { class: "tile-number", "aria-hidden": "true" }, String(index + 1)),
      this.name,
      this.counter,
      this.soundButton,
    );
    this.frame = h("div", { class: "tile-frame loading" }, this.video, this.message);
    const shown = () => this.frame.classList.remove("loading");
    for (const kind of ["loadeddata", "error"]) this.video.addEventListener(kind, shown);
    this.element = h(
      "figure",
      { class: "tile", dataset: { take: index }, style: { "--take": `var(--take-${index + 1})` } },
      this.frame,
      this.head,
    );
    this.element.style.setProperty("--aspect", String(this.aspect));
    this.video.addEventListener("error", () => this.fail(t("player.cannotPlay")));
    this.#watchFrames();
  }

  get ok() {
    return !this.problem && this.video.readyState >= 1;
  }

  /** Whether playing on would show what it should. */
  get hasData() {
    return this.problem !== "" || this.video.readyState >= PLAYABLE_MIN || this.video.ended;
  }

  /** @param {number} now */
  #isFresh(now) {
    return now - this.shownAtMs < Math.max(STALLED_AFTER_MS, 3000 / this.fps);
  }

  /**
   * Whether a take that runs freely has come to a stop. Pictures count and not `readyState`, which WebKit leaves at 2
   * while it plays.
   * @param {number} now
   */
  isStalled(now) {
    const { ok, video, ranAtMs } = this;
    const shouldShow = ok && !video.paused && !video.ended && now - ranAtMs > STARTS_WITHIN_MS;
    return shouldShow && !this.hasData && !this.#isFresh(now);
  }

  /**
   * The second that is on screen, by the last picture and not by `currentTime`, which WebKit counts on while stalled.
   * @param {number} now
   * @returns {number} NaN where no picture came lately
   */
  onScreenS(now) {
    if (!this.ok || this.video.paused || !this.#isFresh(now)) return NaN;
    return this.shownS + ((now - this.shownAtMs) / 1000) * this.video.playbackRate;
  }

  /** Let the video run; that a browser refuses is noted in `refused`, and a pause that comes first is no error. */
  async run() {
    this.ranAtMs = performance.now();
    try {
      await this.video.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotAllowedError") this.refused = true;
    }
  }

  /** @param {string} sentence */
  fail(sentence) {
    this.problem = sentence;
    this.frame.classList.remove("loading");
    this.say(sentence, true);
  }

  /**
   * @param {string} sentence
   * @param {boolean} [isProblem]
   */
  say(sentence, isProblem = false) {
    this.message.textContent = sentence;
    this.element.classList.toggle("has-problem", isProblem);
  }

  #watchFrames() {
    if (!this.video.requestVideoFrameCallback) return;
    /** @type {VideoFrameRequestCallback} */
    const onFrame = (now, metadata) => {
      this.shownS = metadata.mediaTime;
      this.shownAtMs = now;
      this.shownFrame = frameAt(metadata.mediaTime, this.fps, this.nFrames);
      this.video.requestVideoFrameCallback(onFrame);
    };
    this.video.requestVideoFrameCallback(onFrame);
  }

  /**
   * Wait for the proxy, then for the first frame; a take that cannot be shown says why and is left out.
   * @param {AbortSignal} signal
   */
  async load(signal) {
    const { clip } = this;
    if (clip.missing) return this.fail(t(clip.missing === "changed" ? "player.changed" : "player.missing"));
    try {
      const url = clip.proxy_url ?? clip.url;
      await (
        await api.ready(url, {
          signal,
          headers: { range: "bytes=0-1" },
          onwait: (s) => s > 0.4 && this.say(t("player.preparing")),
        })
      ).body?.cancel();
      this.video.src = url;
      await new Promise((resolve) => {
        for (const kind of ["loadeddata", "error"]) this.video.addEventListener(kind, resolve, { once: true, signal });
      });
      if (!this.problem) this.say("");
    } catch (error) {
      if (!api.isAborted(error)) this.fail(sentenceOf(error));
    }
    return undefined;
  }

  /**
   * Bring a playing video nearer to where the clock says it should be. One that runs freely only plays, and is sought
   * where it begins anew by itself.
   * @param {number} timeS
   * @param {number} rate
   * @param {Ending} ending
   * @param {Steering} steering
   */
  follow(timeS, rate, ending, steering) {
    if (!this.ok) return;
    const { localS, held } = localTime(timeS, this, ending);
    const { video } = this;
    if (held) {
      if (!video.paused) video.pause();
      this.#jump(frameCentre(frameAt(localS, this.fps, this.nFrames), this.fps));
      return;
    }
    const beganAnew = localS < this.soughtS - SEEK_BEYOND_S;
    this.soughtS = localS;
    if (video.paused && !video.seeking) void this.run();
    if (video.seeking) return;
    if (steering === "free") {
      if (beganAnew) video.currentTime = localS;
      return;
    }
    const move = correction(localS, video.currentTime, rate * this.speed, this.nudging);
    this.nudging = "rate" in move && move.nudging;
    if ("seekS" in move) video.currentTime = move.seekS;
    else if (Math.abs(video.playbackRate - move.rate) > (this.nudging ? 0.004 : 0))
      video.playbackRate = Math.max(0.0625, Math.min(16, move.rate));
  }

  /** @param {number} localS */
  #jump(localS) {
    if (!this.video.seeking && Math.abs(this.video.currentTime - localS) > 0.4 / this.fps)
      this.video.currentTime = localS;
  }

  /**
   * Scrubbing: go near, do not wait, and do not pile up seeks.
   * @param {number} timeS
   * @param {Ending} ending
   */
  scrub(timeS, ending) {
    if (this.ok) this.#jump(frameCentre(this.frameFor(timeS, ending), this.fps));
  }

  /**
   * @param {number} timeS
   * @param {Ending} ending
   */
  frameFor(timeS, ending) {
    return frameAt(localTime(timeS, this, ending).localS, this.fps, this.nFrames);
  }

  /**
   * Show exactly the frame of a time; resolves with the frame on screen.
   * @param {number} timeS
   * @param {Ending} ending
   */
  async settle(timeS, ending) {
    if (!this.ok) return NaN;
    this.video.pause();
    const frame = this.frameFor(timeS, ending);
    const inPlace = Math.abs(this.video.currentTime - frameCentre(frame, this.fps)) < 0.01 / this.fps;
    if (frame === this.shownFrame && inPlace && !this.video.seeking) return frame;
    const shown = await showFrame(this.video, frame, this.fps);
    this.shownFrame = shown;
    return shown;
  }

  dispose() {
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.element.remove();
  }
}
