// @ts-check
// Remarks at moments of takes: written at the playhead, listed in order, a click goes back there.

import * as api from "./api.js";
import { choice, h, iconButton, put } from "./dom.js";
import { timecode } from "./framestep.js";
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

export class Notes {
  /** @type {NoteFacts[]} */ notes = [];

  /**
   * @param {App} app
   * @param {Player} player
   */
  constructor(app, player) {
    this.app = app;
    this.player = player;
    this.take = 0;
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
          this.text.blur();
        }
      },
    });
    this.which = h("span");
    /** @type {NoteFacts | null} */ this.answered = null;
    this.answering = h("p", { class: "hint note-answering", hidden: true });
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
      h("button", { type: "submit" }, t("note.add")),
    );
    this.element = h(
      "section",
      { class: "notes" },
      h("h2", {}, t("note.title")),
      this.mayWrite && this.form,
      this.list,
    );
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
    const select = this.which.querySelector("select");
    if (select) select.value = String(index);
  }

  focus() {
    this.player.pause();
    this.text.focus();
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
    const text = this.text.value.trim();
    const answered = this.answered;
    const take = answered
      ? this.player.takes.find((one) => one.clip.id === answered.clip)
      : this.player.takes[this.take];
    if (!text || !take) return;
    const { localS } = localTime(this.player.time, take, this.player.ending);
    const start = answered ? answered.start_s : Math.round(localS * 1000) / 1000;
    const end = answered ? answered.end_s : start;
    await this.app.attempt(async () => {
      const note = await api.post("notes", {
        clip: take.clip.id,
        start_s: start,
        end_s: end,
        text,
        reply_to: answered?.id ?? "",
      });
      this.notes.push(note);
      this.answer(null);
      this.text.value = "";
      this.draw();
      this.app.announce(t("note.added"));
    });
  }

  draw() {
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
          { class: note.reply_to ? "note reply" : "note", style: { "--take": `var(--take-${take.index + 1})` } },
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
          h("p", {}, note.text, note.author && h("span", { class: "unit" }, ` ${note.author}`)),
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
