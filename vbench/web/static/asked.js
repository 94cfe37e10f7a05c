// @ts-check
// What the prompt asks, beside the takes on the stage; a click goes to the moment and frames what was seen there.

import * as api from "./api.js";
import { h, put } from "./dom.js";
import { MARKS } from "./sheet.js";
import { clockTime, localTime } from "./sync.js";
import { num, seconds, t } from "./words.js";

/** @import { Player } from "./player.js" */
/** @import { Take } from "./take.js" */
/** @import { ClipFacts, EventFacts, SheetPrompt, SheetRow } from "../types/page.js" */

/** @typedef {{left: number, top: number, right: number, bottom: number, text: string}} Framed */
/** @typedef {{take: number, t_s: number, box: EventFacts["box"], text: string}} Chosen a cell of the table */

const MOST_PROMPTS = 4;

/**
 * What is framed on a take at a moment: events that have a place, and the cell that was clicked.
 * @param {readonly EventFacts[]} events
 * @param {Chosen | null} chosen of this take
 * @param {number} localS
 * @param {number} fps
 * @returns {Framed[]}
 */
export function framedAt(events, chosen, localS, fps) {
  const slack = 0.75 / fps;
  /** @type {{box: EventFacts["box"], text: string}[]} */
  const here = events
    .filter(({ box, start_s, end_s }) => box && localS > start_s - slack && localS < Math.max(end_s, start_s) + slack)
    .map(({ box, kind }) => ({ box, text: t(`event.${kind}`) }));
  if (chosen?.box && Math.abs(localS - chosen.t_s) < 2 * slack) here.push({ box: chosen.box, text: chosen.text });
  return here.map(({ box, text }) => {
    const [left, top, right, bottom] = /** @type {number[]} */ (box);
    return { left, top, right, bottom, text };
  });
}

/** Frames over the pictures, while they stand still. */
export class Boxes {
  /** Per take. @type {EventFacts[][]} */ events = [];
  /** @type {Chosen | null} */ chosen = null;
  /** @type {Map<Take, HTMLElement>} */ #layers = new Map();

  /** @param {Player} player */
  constructor(player) {
    this.player = player;
    for (const kind of ["time", "state"]) player.addEventListener(kind, () => this.draw());
  }

  draw() {
    const { player } = this;
    for (const [take, layer] of this.#layers) {
      if (player.takes.includes(take)) continue;
      layer.remove();
      this.#layers.delete(take);
    }
    for (const take of player.takes) {
      const { localS } = localTime(player.time, take, player.ending);
      const chosen = this.chosen?.take === take.index ? this.chosen : null;
      const framed = player.playing ? [] : framedAt(this.events[take.index] ?? [], chosen, localS, take.fps);
      const layer = this.#layers.get(take);
      if (layer) put(layer, framed.map(frame));
      else if (framed.length) {
        const made = h("div", { class: "boxes", "aria-hidden": "true" }, framed.map(frame));
        this.#layers.set(take, made);
        take.frame.append(made);
      }
    }
  }
}

/** @param {Framed} one */
function frame({ left, top, right, bottom, text }) {
  const share = (/** @type {number} */ value) => `${100 * value}%`;
  return h(
    "div",
    {
      class: "box",
      style: { left: share(left), top: share(top), width: share(right - left), height: share(bottom - top) },
    },
    h("span", {}, text),
  );
}

export class Asked {
  /**
   * @param {Player} player
   * @param {(index: number) => void} focus
   */
  constructor(player, focus) {
    this.player = player;
    this.focus = focus;
    this.boxes = new Boxes(player);
    this.element = h("section", { class: "sheet asked", hidden: true, "aria-label": t("sheet.asked") });
  }

  /**
   * Nothing is shown where nothing is asked, and of takes of many prompts at once nothing either: that is the sheet.
   * @param {readonly ClipFacts[]} clips
   * @param {AbortSignal} signal
   */
  async load(clips, signal) {
    const keys = [...new Set(clips.map((clip) => clip.prompt_key))];
    if (keys.length > MOST_PROMPTS) return;
    const sheets = await Promise.all(keys.map((prompt) => api.get("sheet", { prompt }, signal)));
    if (signal.aborted) return;
    const prompts = sheets.flatMap((sheet) => sheet.prompts).filter((prompt) => prompt.rows.length);
    this.element.hidden = !prompts.length;
    put(
      this.element,
      prompts.map((prompt) => h("div", { class: "table-scroll", tabindex: "0" }, this.#table(prompt, clips))),
    );
  }

  /**
   * @param {SheetPrompt} prompt
   * @param {readonly ClipFacts[]} clips
   */
  #table(prompt, clips) {
    const columns = clips.flatMap((clip, index) => {
      const place = prompt.takes.findIndex((take) => take.clip === clip.id);
      return place < 0 ? [] : [{ index, place, model: clip.model }];
    });
    return h(
      "table",
      { class: "sheet-table" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, t("sheet.asked")),
          columns.map(({ index, model }) =>
            h(
              "th",
              { scope: "col", style: { "--take": `var(--take-${index + 1})` } },
              h("span", { class: "swatch", "aria-hidden": "true" }, String(index + 1)),
              " ",
              model,
            ),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        prompt.rows.map((row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, row.text),
            columns.map(({ index, place, model }) => h("td", {}, this.#cell(row, place, index, model))),
          ),
        ),
      ),
    );
  }

  /**
   * @param {SheetRow} row
   * @param {number} place among the takes of the sheet
   * @param {number} index on the stage
   * @param {string} model
   */
  #cell(row, place, index, model) {
    const verdict = row.overruled[place] || row.verdicts[place];
    const when = row.t_s[place];
    const label = t("sheet.cell", { tool: model, verdict: t(`sheet.${verdict}`), by: row.by[place] || "–" });
    return h(
      "button",
      {
        type: "button",
        class: `verdict ${verdict}`,
        "aria-label": label,
        title: when === null ? label : `${label} ${t("sheet.at", { t: seconds(when) })}`,
        disabled: when === null && row.boxes[place] === null,
        onclick: () => void this.#look(index, when ?? 0, row.boxes[place], row.text),
      },
      h("span", { "aria-hidden": "true" }, MARKS[verdict]),
      when !== null && h("small", {}, ` ${num(when, 1)} s`),
    );
  }

  /**
   * @param {number} index
   * @param {number} whenS
   * @param {EventFacts["box"]} box
   * @param {string} text
   */
  async #look(index, whenS, box, text) {
    const { player } = this;
    const take = player.takes[index];
    if (!take || take.problem) return;
    this.focus(index);
    this.boxes.chosen = { take: index, t_s: whenS, box, text };
    if (player.playing) player.pause();
    await player.seek(Math.max(0, clockTime(whenS, take)) + 1e-3);
    this.boxes.draw();
  }
}
