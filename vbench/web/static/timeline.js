// @ts-check
// Under the picture: one lane per metric with a curve per take, marks of events, the playhead and the loop.

import { apart, beyond, commonRange, DASHES, points, range, rowsOf, valueAt } from "./curves.js";
import { h, put, s, targetOf } from "./dom.js";
import { clockcode } from "./framestep.js";
import { source, spoken } from "./moments.js";
import { soundLanes } from "./sound.js";
import { clockTime, localTime } from "./sync.js";
import { metricAbout, metricName, num, t } from "./words.js";

/** @import { Take } from "./take.js" */
/** @import { Player } from "./player.js" */
/** @import { Waveform } from "./sound.js" */
/** @import { Curve, EventFacts, Moment, NoteFacts, Scale } from "../types/page.js" */

/** @typedef {{take: Take, curve: Curve}} Pair of a take and its curve in one lane */

export const EVENT_KINDS = ["cut", "freeze", "black", "worst", "watermark", "defect"];
const HEIGHT = 48;
const WIDTH = 1000;
const MARK_PX = 30; // a mark and its number
const TAG_PX = 84; // a value beyond the scale
const MARK_ROWS = 3;
const READ_EVERY_MS = 100;

export class Timelines {
  /** @type {string[]} */ metrics = [];
  /** @type {Scale} */ scale = "most";
  /** Per take: metric → curve. @type {Record<string, Curve>[]} */ curves = [];
  /** Per take. @type {EventFacts[][]} */ events = [];
  /** Per take; none where there is no sound. @type {(Waveform | undefined)[]} */ sounds = [];
  /** @type {(index: number) => void} */ hear = () => {};
  /** @type {NoteFacts[]} */ notes = [];
  /** @type {number | null} */ focused = null;
  /**
   * Metric → whether higher is better; null where it describes only.
   * @type {Record<string, boolean | null>}
   */
  better = {};

  /** @param {Player} player */
  constructor(player) {
    this.player = player;
    this.lanes = h("div", { class: "lanes" });
    this.head = h("div", {
      class: "playhead",
      role: "slider",
      tabindex: "0",
      "aria-label": t("player.position"),
      "aria-valuemin": 0,
    });
    this.loop = h("div", { class: "loop-range", "aria-hidden": "true" });
    this.hoverTime = h("span", { class: "hover-time" });
    this.hover = h("div", { class: "hover-line", hidden: true }, this.hoverTime);
    this.track = h("div", { class: "track" }, this.loop, this.lanes, this.head, this.hover);
    this.element = h("div", { class: "timelines" }, this.track);
    this.#drag();
    player.addEventListener("time", () => this.moveHead());
    player.addEventListener("length", () => this.draw());
  }

  /** @type {number | null} */
  #hoverS = null;
  /** @type {{metric: string, pairs: Pair[], cells: HTMLElement[]}[]} */
  #readings = []; // per lane: {pairs, cells} to write values into
  #readAt = 0;

  /**
   * Moments worth seeing of the takes that can be seen, as times of the clock; of all kinds or of some.
   * @param {readonly string[]} [kinds]
   * @returns {Moment[]}
   */
  moments(kinds = EVENT_KINDS) {
    return this.player.takes.flatMap((take, index) =>
      (take.problem ? [] : (this.events[index] ?? []))
        .filter((event) => kinds.includes(event.kind))
        .map((event) => ({
          timeS: Math.max(0, clockTime(event.start_s, take)),
          take: index,
          event,
        })),
    );
  }

  moveHead() {
    const { player } = this;
    const length = player.length || 1;
    this.head.style.setProperty("--at", String(Math.min(1, player.time / length)));
    const now = performance.now();
    if (player.playing && now - this.#readAt < READ_EVERY_MS) return;
    this.#readAt = now;
    const values = this.#read();
    this.head.setAttribute("aria-valuenow", player.time.toFixed(2));
    this.head.setAttribute("aria-valuetext", [clockcode(player.time), ...(player.playing ? [] : values)].join(", "));
  }

  /** Write the values under the pointer, or else under the playhead, beside the names of their metrics. */
  #read() {
    const timeS = this.#hoverS ?? this.player.time;
    /** @type {string[]} */
    const readings = [];
    for (const { metric, pairs, cells } of this.#readings) {
      pairs.forEach(({ take, curve }, index) => {
        const { localS, held } = localTime(timeS, take, this.player.ending);
        const value = valueAt(curve, held ? timeS * take.speed + take.offsetS : localS);
        cells[index].textContent = num(value);
        if (value !== null) readings.push(`${metricName(metric)} ${take.index + 1}: ${num(value)}`);
      });
    }
    return readings;
  }

  draw() {
    const { player } = this;
    const length = player.length || 1;
    this.head.setAttribute("aria-valuemax", length.toFixed(2));
    this.loop.hidden = player.inS === null && player.outS === null;
    this.loop.style.setProperty("--from", String(player.startS / length));
    this.loop.style.setProperty("--to", String(player.endS / length));
    const names = this.metrics.length ? this.metrics : [null];
    this.#readings = [];
    put(
      this.lanes,
      this.#used(length),
      this.#noted(length),
      soundLanes(player.takes, this.sounds, length, player.solo, (index) => this.hear(index)),
      names.map((metric, row) => this.#lane(metric, length, row === 0)),
    );
    this.focus(this.focused);
    this.moveHead();
  }

  /**
   * The seconds to use, a line per take that has some marked.
   * @param {number} length
   */
  #used(length) {
    const marked = this.player.takes.filter((take) => !take.problem && take.clip.ranges?.length);
    return (
      marked.length > 0 &&
      h(
        "div",
        { class: "used-lane" },
        marked.map((take) =>
          h(
            "div",
            { class: "used-row", style: { "--take": `var(--take-${take.index + 1})` } },
            (take.clip.ranges ?? []).map(([start, end]) =>
              h("span", {
                class: "used-range",
                title: t("select.rangeOf", { n: take.index + 1, from: clockcode(start), to: clockcode(end) }),
                style: {
                  "--from": Math.max(0, clockTime(start, take) / length),
                  "--to": Math.min(1, clockTime(end, take) / length),
                },
              }),
            ),
          ),
        ),
      )
    );
  }

  /**
   * Notes that are open, where they were written; a click goes there.
   * @param {number} length
   */
  #noted(length) {
    const marks = this.player.takes.flatMap((take) =>
      this.notes
        .filter((note) => note.clip === take.clip.id && !note.reply_to && !note.is_resolved)
        .map((note) => ({ take, note, timeS: Math.max(0, clockTime(note.start_s, take)) })),
    );
    return (
      marks.length > 0 &&
      h(
        "div",
        { class: "noted-lane" },
        marks.map(({ take, note, timeS }) =>
          h("button", {
            type: "button",
            class: "noted",
            tabindex: "-1",
            title: note.text,
            "aria-label": note.text,
            style: {
              "--take": `var(--take-${take.index + 1})`,
              "--at": timeS / length,
              "--wide": (note.end_s - note.start_s) / take.speed / length,
            },
            onclick: () => void this.player.seek(timeS + 1e-3),
          }),
        ),
      )
    );
  }

  /**
   * @param {string | null} metric
   * @param {number} length
   * @param {boolean} isFirst
   */
  #lane(metric, length, isFirst) {
    const pairs = this.player.takes.flatMap((take, index) => {
      const curve = metric === null ? undefined : this.curves[index]?.[metric];
      return curve?.t_s.length && !take.problem ? [{ take, curve }] : [];
    });
    const marks = this.#marks(
      this.moments().filter(({ event }) =>
        metric ? event.metric === metric || (isFirst && !this.metrics.includes(event.metric)) : true,
      ),
      length,
    );
    return h(
      "div",
      { class: "lane" },
      metric ? this.#laneHead(metric, pairs) : h("div", { class: "lane-head" }, t("player.noCurves")),
      pairs.length > 0 && this.#plot(pairs, length),
      marks,
    );
  }

  /**
   * @param {string} metric
   * @param {Pair[]} pairs
   */
  #laneHead(metric, pairs) {
    const cells = pairs.map(() => h("span", { class: "lane-value" }));
    this.#readings.push({ metric, pairs, cells });
    const better = this.better[metric];
    const arrow = better === true ? " ↑" : better === false ? " ↓" : "";
    return h(
      "div",
      { class: "lane-head" },
      h("b", { title: metricAbout(metric) }, metricName(metric)),
      h("span", { class: "unit" }, `${pairs[0]?.curve.unit ?? ""}${arrow}`),
      pairs.map(({ take }, index) =>
        h(
          "span",
          { class: "lane-key", dataset: { take: take.index }, style: { "--take": `var(--take-${take.index + 1})` } },
          s(
            "svg",
            { viewBox: "0 0 22 8", "aria-hidden": "true" },
            s("line", { x1: 0, x2: 22, y1: 4, y2: 4, class: "lane-stroke", "stroke-dasharray": DASHES[take.index] }),
          ),
          h("span", { class: "lane-number" }, String(take.index + 1)),
          cells[index],
        ),
      ),
    );
  }

  /**
   * @param {Pair[]} pairs
   * @param {number} length
   */
  #plot(pairs, length) {
    const curves = pairs.map(({ curve }) => curve);
    const shared = this.scale === "most" ? commonRange(curves) : range(curves);
    /** @param {Curve} curve */
    const scaleOf = (curve) => (this.scale === "own" ? range([curve]) : shared);
    const ends = this.scale === "own" ? [t("player.scaleOwn")] : [num(shared[1]), num(shared[0])];
    return h(
      "div",
      { class: "plot-lane" },
      s(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "curves", "aria-hidden": "true" },
        pairs.map(({ take, curve }) =>
          s("polyline", {
            points: points(curve, take, length, scaleOf(curve), WIDTH, HEIGHT - 8),
            transform: "translate(0 4)",
            class: "curve",
            "data-take": take.index,
            "stroke-dasharray": DASHES[take.index],
            style: { "--take": `var(--take-${take.index + 1})` },
          }),
        ),
      ),
      h(
        "span",
        { class: "lane-axis" },
        ends.map((text) => h("span", {}, text)),
      ),
      this.#beyond(pairs, scaleOf, length),
    );
  }

  /**
   * How far the curves go that leave the scale, where they do.
   * @param {Pair[]} pairs
   * @param {(curve: Curve) => [low: number, high: number]} scaleOf
   * @param {number} length
   */
  #beyond(pairs, scaleOf, length) {
    const tags = pairs.flatMap(({ take, curve }) =>
      beyond(curve, scaleOf(curve)).map((end) => ({ ...end, take, at: clockTime(end.t_s, take) / length })),
    );
    return ["below", "above"].flatMap((side) => {
      const here = tags.filter((tag) => tag.side === side).sort((x, y) => x.at - y.at);
      const places = apart(
        here.map(({ at }) => Math.max(TAG_PX / 2, at * this.#width)),
        TAG_PX,
      );
      return here.map(({ take, value }, index) =>
        h(
          "span",
          {
            class: "beyond",
            dataset: { side },
            style: { "--take": `var(--take-${take.index + 1})`, "--at": places[index] / this.#width },
          },
          `${take.index + 1} ${side === "below" ? "↓" : "↑"} ${num(value)}`,
        ),
      );
    });
  }

  /** Pixels of the track. */
  get #width() {
    return this.track.clientWidth || WIDTH;
  }

  /**
   * @param {Moment[]} moments
   * @param {number} length
   */
  #marks(moments, length) {
    if (!moments.length) return null;
    const sorted = [...moments].sort((a, b) => a.timeS - b.timeS);
    const places = rowsOf(
      sorted.map(({ timeS }) => (timeS / length) * this.#width),
      MARK_PX,
      MARK_ROWS,
    );
    return h(
      "div",
      { class: "marks", style: { "--rows": Math.max(...places.map(({ row }) => row)) + 1 } },
      sorted.map((moment, index) => this.#mark(moment, places[index].row, places[index].place / this.#width, length)),
    );
  }

  /**
   * @param {Moment} moment
   * @param {number} row
   * @param {number} at
   * @param {number} length
   */
  #mark({ timeS, take, event }, row, at, length) {
    const width = Math.max(0, (event.end_s - event.start_s) / this.player.takes[take].speed);
    const { severity } = event;
    const words = t("player.event", { what: spoken(event), take: take + 1, at: clockcode(timeS) });
    return h(
      "button",
      {
        type: "button",
        class: "mark",
        tabindex: "-1",
        title: `${words}\n${t(`severity.${severity}`)} · ${source(event)}`,
        "aria-label": `${words}, ${t(`severity.${severity}`)}`,
        dataset: { kind: event.kind, severity },
        style: { "--take": `var(--take-${take + 1})`, "--at": at, "--wide": width / length, "--row": row },
        onclick: (click) => {
          click.stopPropagation();
          void this.player.seek(timeS + 1e-3);
        },
      },
      this.player.takes.length > 1 && h("span", { "aria-hidden": "true" }, String(take + 1)),
    );
  }

  /**
   * Let the curves of one take stand out.
   * @param {number | null} take
   */
  focus(take) {
    this.focused = take;
    this.element.toggleAttribute("data-focus", take !== null);
    /** @type {NodeListOf<SVGElement>} */
    const curves = this.lanes.querySelectorAll(".curve");
    for (const curve of curves) curve.classList.toggle("focused", Number(curve.dataset.take) === take);
  }

  /** @param {number | null} share */
  #hoverAt(share) {
    const timeS = share === null ? null : share * this.player.length;
    this.#hoverS = timeS;
    this.hover.hidden = share === null;
    if (share !== null && timeS !== null) {
      this.hover.style.setProperty("--at", String(share));
      this.hover.classList.toggle("late", share > 0.8);
      this.hoverTime.textContent = clockcode(timeS);
    }
    this.#read();
  }

  #drag() {
    /** @param {PointerEvent} event */
    const shareOf = (event) => {
      const box = this.track.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    };
    /** @param {PointerEvent} event */
    const to = (event) => void this.player.seek(shareOf(event) * this.player.length);
    let wasPlaying = false;
    this.element.addEventListener("pointerdown", (event) => {
      if (targetOf(event).closest(".mark, .noted, .sound-head") || event.button !== 0) return;
      wasPlaying = this.player.playing;
      if (wasPlaying) this.player.pause(false);
      this.element.setPointerCapture(event.pointerId);
      to(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.#hoverAt(shareOf(event));
      if (this.element.hasPointerCapture(event.pointerId)) to(event);
    });
    this.element.addEventListener("pointerleave", () => this.#hoverAt(null));
    for (const kind of ["pointerup", "pointercancel"]) {
      this.element.addEventListener(kind, () => {
        if (wasPlaying) void this.player.play();
        wasPlaying = false;
      });
    }
  }
}
