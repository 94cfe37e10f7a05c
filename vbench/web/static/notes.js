// @ts-check
// Remarks at moments of takes: written over the picture at the playhead, drawn on it, listed in order, open or done.

import * as api from "./api.js";
import { spokenAuthor } from "./approvals.js";
import { choice, h, iconButton, put } from "./dom.js";
import { Drawing, TOOLS } from "./drawing.js";
import { clockcode, timecode } from "./framestep.js";
import { clockTime, localTime } from "./sync.js";
import { t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { Player } from "./player.js" */
/** @import { NoteFacts } from "../types/page.js" */

/**
 * By time, and answers right after what they answer; one whose note is gone stands by itself.
 * @param {NoteFacts[]} notes
 */
export function inOrder(notes) {
  const byTime = [...notes].sort((a, b) => a.start_s - b.start_s || a.created.localeCompare(b.created));
  const ids = new Set(notes.map((note) => note.id));
  /** @param {string} id @returns {NoteFacts[]} */
  const answersTo = (id) => byTime.filter((note) => note.reply_to === id).flatMap((n) => [n, ...answersTo(n.id)]);
  return byTime.filter((note) => !ids.has(note.reply_to)).flatMap((note) => [note, ...answersTo(note.id)]);
}

export class Notes extends EventTarget {
  /** @type {NoteFacts[]} */ notes = [];
  /** The hand over the take that a note is written to. @type {Drawing | null} */ hand = null;
  /** What notes have drawn on each take. @type {Drawing[]} */ layers = [];

  /**
   * @param {App} app
   * @param {Player} player
   */
  constructor(app, player) {
    super();
    this.app = app;
    this.player = player;
    this.take = 0;
    player.addEventListener("frames", () => this.#showDrawn());
    player.addEventListener("state", () => this.#showDrawn());
    this.mayWrite = app.bench.permissions.annotate !== false;
    this.list = h("ol", { class: "note-list" });
    this.text = h("textarea", {
      rows: "2",
      maxlength: "4000",
      placeholder: t("note.placeholder"),
      "aria-label": t("note.text"),
      onkeydown: (event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          void this.add();
        }
        if (event.key === "Escape") {
          this.answer(null);
          this.#putDown();
          this.text.blur();
        }
      },
    });
    this.which = h("span");
    /** @type {NoteFacts | null} */ this.answered = null;
    this.answering = h("p", { class: "hint note-answering", hidden: true });
    this.isRange = h("input", { type: "checkbox" });
    this.span = h("label", { class: "check", hidden: true }, this.isRange, h("span"));
    this.tools = h(
      "div",
      { class: "note-tools", role: "group", "aria-label": t("note.draw"), hidden: true },
      TOOLS.map((tool) =>
        h("button", { type: "button", dataset: { tool }, onclick: () => this.#pick(tool) }, t(`draw.${tool}`)),
      ),
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            this.hand?.shapes.pop();
            this.hand?.draw();
          },
        },
        t("note.undoStroke"),
      ),
      h("button", { type: "button", onclick: () => this.#putDown() }, t("note.cancel")),
    );
    this.form = h(
      "form",
      {
        class: "note-form",
        onsubmit: (event) => {
          event.preventDefault();
          void this.add();
        },
      },
      this.which,
      this.answering,
      this.text,
      this.span,
      this.tools,
      h("button", { type: "submit" }, t("note.add")),
    );
    this.home = h("div", { class: "note-home" }, this.mayWrite && this.form);
    this.element = h("section", { class: "notes" }, h("h2", {}, t("note.title")), this.home, this.list);
  }

  async load() {
    const clips = this.player.takes.map((take) => take.clip);
    put(
      this.which,
      choice(
        t("note.take"),
        clips.map((clip, index) => [String(index), `${index + 1} · ${clip.model}`]),
        String(this.take),
        (value) => {
          this.take = Number(value);
        },
      ),
    );
    const answers = await Promise.all(clips.map((clip) => api.get("notes", { clip: clip.id })));
    this.notes = answers.flat();
    this.draw();
  }

  /**
   * The next note goes to this take.
   * @param {number} index
   */
  focusTake(index) {
    this.take = index;
    if (this.hand && this.hand.take.index !== index) this.#putDown();
    const select = this.which.querySelector("select");
    if (select) select.value = String(index);
  }

  /**
   * Write over the picture, in full screen too, and draw on the take in focus.
   * @param {HTMLElement} viewer
   */
  focus(viewer) {
    this.player.pause();
    if (!this.mayWrite) return;
    const take = this.player.takes[this.take];
    if (take && !take.problem && !this.hand) {
      this.hand = new Drawing(take);
      this.hand.begin();
      this.#pick("line");
      this.tools.hidden = false;
      viewer.append(this.form);
    }
    const { inS, outS } = this.player;
    this.span.hidden = inS === null || outS === null;
    this.isRange.checked = false;
    /** @type {HTMLElement} */ (this.span.lastElementChild).textContent = t("note.range", {
      from: clockcode(inS ?? 0),
      to: clockcode(outS ?? 0),
    });
    this.text.focus();
  }

  /** @param {typeof TOOLS[number]} tool */
  #pick(tool) {
    if (this.hand) this.hand.tool = tool;
    for (const button of this.tools.querySelectorAll("button"))
      if (button.dataset.tool) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  }

  /** Back below the pictures; what was drawn and not kept is gone. */
  #putDown() {
    this.hand?.remove();
    this.hand = null;
    this.tools.hidden = true;
    this.home.append(this.form);
  }

  /** What open notes have drawn at this moment, while the takes stand still. */
  #showDrawn() {
    const { player } = this;
    if (
      this.layers.some((layer, index) => layer.take !== player.takes[index]) ||
      this.layers.length !== player.takes.length
    ) {
      for (const layer of this.layers) layer.remove();
      this.layers = player.takes.map((take) => new Drawing(take));
    }
    for (const layer of this.layers) {
      const { take } = layer;
      const { localS } = localTime(player.time, take, player.ending);
      const here = this.notes.filter(
        (note) =>
          note.clip === take.clip.id &&
          !note.is_resolved &&
          localS > note.start_s - 0.5 / take.fps &&
          localS < note.end_s + 1 / take.fps,
      );
      layer.show(player.playing ? [] : /** @type {any} */ (here.flatMap((note) => note.drawing)));
    }
  }

  /**
   * Answer a note with the next one; null: write one of its own.
   * @param {NoteFacts | null} note
   */
  answer(note) {
    this.answered = note;
    this.answering.hidden = !note;
    this.answering.textContent = note ? t("note.answering", { text: note.text.slice(0, 80) }) : "";
    if (note) this.text.focus();
  }

  async add() {
    const drawing = this.hand?.shapes.filter((shape) => shape.points.length > 1) ?? [];
    const text = this.text.value.trim() || (drawing.length ? t("note.drawn") : "");
    const answered = this.answered;
    const take = answered
      ? this.player.takes.find((one) => one.clip.id === answered.clip)
      : this.player.takes[this.take];
    if (!text || !take) return;
    const { localS } = localTime(this.player.time, take, this.player.ending);
    const { inS, outS } = this.player;
    const isRange = this.isRange.checked && inS !== null && outS !== null;
    /** @param {number} timeS */
    const local = (timeS) => Math.round(Math.max(0, timeS * take.speed + take.offsetS) * 1000) / 1000;
    const start = answered ? answered.start_s : isRange ? local(inS) : Math.round(localS * 1000) / 1000;
    const end = answered ? answered.end_s : isRange ? local(outS) : start;
    await this.app.attempt(async () => {
      const note = await api.post("notes", {
        clip: take.clip.id,
        start_s: start,
        end_s: end,
        text,
        reply_to: answered?.id ?? "",
        drawing,
      });
      this.notes.push(note);
      this.answer(null);
      this.text.value = "";
      this.#putDown();
      this.text.blur();
      this.draw();
      this.app.announce(t("note.added"));
    });
  }

  /** @param {NoteFacts} note */
  async #settle(note) {
    await this.app.attempt(async () => {
      await api.put(`notes/${note.id}/state`, { is_resolved: !note.is_resolved });
      note.is_resolved = !note.is_resolved;
      this.draw();
    });
  }

  draw() {
    this.#showDrawn();
    this.dispatchEvent(new Event("change"));
    const takes = this.player.takes;
    /** @param {NoteFacts} note */
    const indexOf = (note) => takes.findIndex((take) => take.clip.id === note.clip);
    const sorted = inOrder(this.notes.filter((note) => indexOf(note) >= 0));
    const own = this.app.bench.account;
    put(
      this.list,
      sorted.map((note) => {
        const take = takes[indexOf(note)];
        return h(
          "li",
          {
            class: `note${note.reply_to ? " reply" : ""}${note.is_resolved ? " done" : ""}`,
            style: { "--take": `var(--take-${take.index + 1})` },
          },
          h(
            "button",
            {
              type: "button",
              class: "note-time",
              onclick: () => void this.player.seek(Math.max(0, clockTime(note.start_s, take)) + 1e-4),
            },
            h("span", { class: "swatch" }, String(take.index + 1)),
            timecode(note.start_s, take.fps),
          ),
          h(
            "p",
            {},
            note.drawing.length > 0 && "✎ ",
            note.text,
            note.author && h("span", { class: "unit" }, ` ${spokenAuthor(note.author)}`),
          ),
          this.mayWrite &&
            !note.reply_to &&
            h(
              "button",
              {
                type: "button",
                class: "note-answer",
                "aria-pressed": String(note.is_resolved),
                onclick: () => void this.#settle(note),
              },
              t(note.is_resolved ? "note.reopen" : "note.resolve"),
            ),
          this.mayWrite &&
            note.author !== own &&
            h("button", { type: "button", class: "note-answer", onclick: () => this.answer(note) }, t("note.answer")),
          this.mayWrite &&
            note.author === own &&
            iconButton(
              "cross",
              t("note.delete"),
              () =>
                void this.app.attempt(async () => {
                  await api.remove(`notes/${note.id}`);
                  this.notes = this.notes.filter((other) => other.id !== note.id);
                  this.draw();
                }),
            ),
        );
      }),
    );
    if (!sorted.length) put(this.list, h("li", { class: "hint" }, t(this.mayWrite ? "note.none" : "note.nonePublic")));
  }
}
