// Under the picture: one lane per metric with a curve per take, marks of events, the playhead and the loop.

import { h, s } from "./dom.js";
import { clockcode } from "./framestep.js";
import { clockTime } from "./sync.js";
import { num, t } from "./words.js";

export const EVENT_KINDS = ["cut", "freeze", "black", "worst"];

/** Lowest and highest value over all curves, a little apart where all are equal. */
export function range(curves) {
  let low = Infinity;
  let high = -Infinity;
  for (const { value } of curves) {
    for (const v of value) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
  }
  if (!Number.isFinite(low)) return [0, 1];
  if (high - low < 1e-9) return [low - 0.5, high + 0.5];
  return [low, high];
}

/** Points of a polyline in a box of `width` x `height`, time over `lengthS` seconds of the clock. */
export function points(curve, take, lengthS, [low, high], width, height) {
  return curve.t_s
    .map((second, index) => {
      const x = (clockTime(second, take) / lengthS) * width;
      const y = height - ((curve.value[index] - low) / (high - low)) * height;
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}

/** The next moment after (or before) a time, round and round; null where there is none. */
export function nextMoment(moments, timeS, direction) {
  const sorted = [...moments].sort((a, b) => a.timeS - b.timeS);
  if (!sorted.length) return null;
  const gap = 0.02;
  if (direction > 0) return sorted.find((moment) => moment.timeS > timeS + gap) ?? sorted[0];
  return sorted.reverse().find((moment) => moment.timeS < timeS - gap) ?? sorted[0];
}

const HEIGHT = 56;
const WIDTH = 1000;

export class Timelines {
  /** @param {import("./player.js").Player} player */
  constructor(player) {
    this.player = player;
    this.metrics = [];
    this.curves = []; // per take: {metric: {t_s, value, unit}}
    this.events = []; // per take: [{kind, metric, start_s, end_s, frame, value}]
    this.lanes = h("div", { class: "lanes" });
    this.head = h("div", { class: "playhead", role: "slider", tabindex: "0", "aria-label": t("player.position"), "aria-valuemin": 0 });
    this.loop = h("div", { class: "loop-range", "aria-hidden": "true" });
    this.track = h("div", { class: "track" }, this.loop, this.lanes, this.head);
    this.element = h("div", { class: "timelines" }, this.track);
    this.#drag();
    player.addEventListener("time", () => this.moveHead());
    player.addEventListener("length", () => this.draw());
  }

  /** All moments worth seeing, as times of the clock; only the worst ones, or those of one kind. */
  moments(kinds = EVENT_KINDS) {
    return this.player.takes.flatMap((take, index) =>
      (this.events[index] ?? []).filter((event) => kinds.includes(event.kind)).map((event) => ({
        timeS: Math.max(0, clockTime(event.start_s, take)), take: index, event,
      })));
  }

  moveHead() {
    const length = this.player.length || 1;
    this.head.style.setProperty("--at", Math.min(1, this.player.time / length));
    this.head.setAttribute("aria-valuenow", this.player.time.toFixed(2));
    this.head.setAttribute("aria-valuetext", clockcode(this.player.time));
  }

  draw() {
    const { player } = this;
    const length = player.length || 1;
    this.head.setAttribute("aria-valuemax", length.toFixed(2));
    this.loop.hidden = player.inS === null && player.outS === null;
    this.loop.style.setProperty("--from", player.startS / length);
    this.loop.style.setProperty("--to", player.endS / length);
    const names = this.metrics.length ? this.metrics : [null];
    this.lanes.replaceChildren(...names.map((metric, row) => this.#lane(metric, length, row === 0)));
    this.moveHead();
  }

  #lane(metric, length, isFirst) {
    const pairs = this.player.takes
      .map((take, index) => ({ take, curve: metric && this.curves[index]?.[metric] }))
      .filter(({ curve, take }) => curve?.t_s.length && !take.problem);
    const scale = range(pairs.map(({ curve }) => curve));
    const plot = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "curves", "aria-hidden": "true" },
      pairs.map(({ take, curve }) => s("polyline", {
        points: points(curve, take, length, scale, WIDTH, HEIGHT - 8), transform: "translate(0 4)", class: "curve", style: { "--take": `var(--take-${take.index + 1})` },
      })));
    const unit = pairs[0]?.curve.unit ?? "";
    const label = metric
      ? [h("b", {}, metric.replaceAll("_", " ")), ` ${num(scale[0])} – ${num(scale[1])} ${unit}`]
      : [t("player.noCurves")];
    const marks = this.moments().filter(({ event }) => (metric ? event.metric === metric || (isFirst && !this.metrics.includes(event.metric)) : true));
    return h("div", { class: `lane${pairs.length ? "" : " bare"}` }, plot,
      marks.map(({ timeS, take, event }) => this.#mark(timeS, take, event, length)),
      h("span", { class: "lane-label" }, ...label));
  }

  #mark(timeS, take, event, length) {
    const width = Math.max(0, (event.end_s - event.start_s) / this.player.takes[take].speed);
    const words = t("player.event", { kind: t(`event.${event.kind}`), take: take + 1, at: clockcode(timeS), value: num(event.value) });
    return h("button", {
      type: "button", class: "mark", tabindex: "-1", title: words, "aria-label": words, dataset: { kind: event.kind },
      style: { "--take": `var(--take-${take + 1})`, "--at": timeS / length, "--wide": width / length, "--row": take },
      onclick: (click) => { click.stopPropagation(); void this.player.seek(timeS + 1e-3); },
    });
  }

  #drag() {
    const to = (event) => {
      const box = this.track.getBoundingClientRect();
      const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
      void this.player.seek(share * this.player.length);
    };
    let wasPlaying = false;
    this.element.addEventListener("pointerdown", (event) => {
      if (event.target.closest(".mark") || event.button !== 0) return;
      wasPlaying = this.player.playing;
      if (wasPlaying) this.player.pause(false);
      this.element.setPointerCapture(event.pointerId);
      to(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) to(event);
    });
    this.element.addEventListener("pointerup", () => {
      if (wasPlaying) void this.player.play();
      wasPlaying = false;
    });
  }
}
