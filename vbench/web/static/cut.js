// @ts-check
// The cut: ranges of takes laid in order, watched as one, trimmed, reordered, swapped; what jumps at a join is marked.

import * as api from "./api.js";
import { choice, h, icon, iconButton, put } from "./dom.js";
import { askExport } from "./exports.js";
import { timecode } from "./framestep.js";
import { commandFor, isTyping } from "./keys.js";
import { Sequence } from "./sequence.js";
import { num, seconds, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { ClipFacts, CutFacts, JoinFacts, KeyRow, Option, PromptFacts, ShotFacts } from "../types/page.js" */

const MOST_STEPS = 100;
const ALTERNATES = 60;

/** @type {KeyRow[]} */
export const CUT_KEYS = [
  [["Space", "k"], "toggle", "key.toggle"],
  [["ArrowRight", "."], "stepForward", "key.stepForward"],
  [["ArrowLeft", ","], "stepBack", "key.stepBack"],
  [["ArrowDown"], "next", "cut.next"],
  [["ArrowUp"], "previous", "cut.previous"],
  [["Alt+ArrowRight"], "later", "cut.later"],
  [["Alt+ArrowLeft"], "earlier", "cut.earlier"],
  [["i"], "setIn", "cut.setIn"],
  [["o"], "setOut", "cut.setOut"],
  [["Delete", "Backspace"], "drop", "cut.drop"],
  [["Home"], "toStart", "key.toStart"],
  [["m"], "mute", "key.mute"],
  [["?"], "help", "key.help"],
];

/**
 * A shot with its beginning or end moved by whole frames, never past the take's ends and at least a frame long.
 * @param {ShotFacts} shot
 * @param {"in_s" | "out_s"} side
 * @param {number} frames
 * @param {{fps: number, duration_s: number}} clip
 * @returns {ShotFacts}
 */
export function trimmed(shot, side, frames, clip) {
  const fps = clip.fps || 24;
  const at = (Math.round(shot[side] * fps) + frames) / fps;
  const [low, high] = side === "in_s" ? [0, shot.out_s - 1 / fps] : [shot.in_s + 1 / fps, clip.duration_s];
  return { ...shot, [side]: Math.max(Math.min(low, high), Math.min(high, at)) };
}

/**
 * The same seconds of another take, as many of them as it has.
 * @param {ShotFacts} shot
 * @param {{id: string, duration_s: number}} clip
 * @returns {ShotFacts}
 */
export function swapped(shot, clip) {
  const length = Math.min(shot.out_s - shot.in_s, clip.duration_s);
  const start = Math.max(0, Math.min(shot.in_s, clip.duration_s - length));
  return { clip: clip.id, in_s: start, out_s: start + length };
}

/**
 * A list with one entry at another place.
 * @template T
 * @param {readonly T[]} list
 * @param {number} from
 * @param {number} to
 * @returns {T[]}
 */
export function moved(list, from, to) {
  const next = [...list];
  const [one] = next.splice(from, 1);
  next.splice(Math.max(0, Math.min(next.length, to)), 0, one);
  return next;
}

class CutView {
  /** @type {CutFacts[]} */ cuts = [];
  /** @type {PromptFacts[]} */ prompts = [];
  /** @type {JoinFacts[]} */ joins = [];
  /** @type {Map<string, ClipFacts>} */ clips = new Map();
  /** @type {{past: ShotFacts[][], future: ShotFacts[][]}} */ history = { past: [], future: [] };
  /** @type {Promise<unknown>} */ saving = Promise.resolve();

  /**
   * @param {App} app
   * @param {HTMLElement} element
   * @param {string} query
   */
  constructor(app, element, query) {
    this.app = app;
    this.element = element;
    this.query = new URLSearchParams(query);
    this.chosen = 0;
    this.turn = 0;
    this.abort = new AbortController();
    /** @type {CutFacts} */
    this.cut = { name: t("cut.first"), shots: [], revision: 0, updated: "" };
    this.stage = h("div", { class: "cut-stage" });
    this.sequence = new Sequence(this.stage, this.clips);
  }

  get mayCut() {
    return this.app.bench.permissions.annotate !== false && this.app.bench.mode === "local";
  }

  get #key() {
    return `vbench.cut.${this.app.bench.name}.${this.cut.name}`;
  }

  async open() {
    [this.cuts, this.prompts] = await Promise.all([api.get("cuts"), api.get("prompts")]);
    const wanted = this.query.get("name");
    this.cut =
      this.cuts.find((cut) => cut.name === wanted) ??
      (wanted ? { ...this.cut, name: wanted } : this.cuts[0]) ??
      this.cut;
    this.#recall();
    this.#build();
    const added = (this.query.get("add") ?? "").split(",").filter(Boolean);
    await this.#know([...this.cut.shots.map((shot) => shot.clip), ...added]);
    if (added.length) {
      history.replaceState(null, "", this.app.href("cut", `name=${encodeURIComponent(this.cut.name)}`));
      this.#add(added);
    } else await this.#changed();
    this.element.dataset.ready = "1";
  }

  #recall() {
    try {
      this.history = JSON.parse(sessionStorage.getItem(this.#key) ?? "null") ?? { past: [], future: [] };
    } catch {
      this.history = { past: [], future: [] }; // private window, or another version's: nothing to undo
    }
  }

  #remember() {
    this.history.past.splice(0, this.history.past.length - MOST_STEPS);
    try {
      sessionStorage.setItem(this.#key, JSON.stringify(this.history));
    } catch {
      /* private window: only this page forgets */
    }
  }

  /** @param {readonly string[]} ids */
  async #know(ids) {
    const unknown = [...new Set(ids)].filter((id) => !this.clips.has(id));
    for (let at = 0; at < unknown.length; at += 200) {
      const answer = await api.get("clips", { ids: unknown.slice(at, at + 200).join(","), limit: 200 });
      for (const clip of answer.clips) this.clips.set(clip.id, clip);
    }
  }

  /**
   * The used seconds of takes, at the end of the cut.
   * @param {readonly string[]} ids
   */
  #add(ids) {
    const shots = ids.flatMap((id) => {
      const clip = this.clips.get(id);
      if (!clip || clip.state === "reject") return [];
      const ranges = clip.ranges.length ? clip.ranges : [[0, clip.duration_s]];
      return ranges.map(([start, end]) => ({ clip: id, in_s: start, out_s: Math.min(end, clip.duration_s) }));
    });
    this.chosen = this.cut.shots.length;
    this.change([...this.cut.shots, ...shots]);
  }

  // --- what changes ------------------------------------------------------------------------------------------------

  /** @param {ShotFacts[]} shots */
  change(shots) {
    if (!this.mayCut) return;
    this.history.past.push(this.cut.shots);
    this.history.future = [];
    this.#store(shots);
  }

  undo() {
    this.#turn("past", "future");
  }

  redo() {
    this.#turn("future", "past");
  }

  /**
   * @param {"past" | "future"} from
   * @param {"past" | "future"} to
   */
  #turn(from, to) {
    const shots = this.history[from].pop();
    if (!shots) return this.app.toast(t("select.nothing"));
    this.history[to].push(this.cut.shots);
    void this.#know(shots.map((shot) => shot.clip)).then(() => this.#store(shots));
    return undefined;
  }

  /**
   * Shown at once, stored one after another; where somebody else was first, their cut is shown.
   * @param {ShotFacts[]} shots
   */
  #store(shots) {
    this.cut = { ...this.cut, shots };
    this.#remember();
    void this.#changed();
    this.saving = this.saving.then(async () => {
      const kept = await this.app.attempt(() =>
        api.put("cuts", { name: this.cut.name, shots, revision: this.cut.revision }),
      );
      if (kept) {
        this.cut.revision = kept.revision;
        void this.#measure();
        return;
      }
      this.cuts = await api.get("cuts");
      const theirs = this.cuts.find((cut) => cut.name === this.cut.name);
      this.cut = theirs ?? { ...this.cut, shots: [], revision: 0 };
      await this.#know(this.cut.shots.map((shot) => shot.clip));
      await this.#changed();
    });
  }

  async #changed() {
    this.joins = [];
    this.chosen = Math.max(0, Math.min(this.chosen, this.cut.shots.length - 1));
    this.#draw();
    const turn = ++this.turn;
    const starts = this.cut.shots.slice(0, this.chosen).reduce((sum, shot) => sum + shot.out_s - shot.in_s, 0);
    await this.sequence.set(this.cut.shots, starts);
    if (turn === this.turn && this.cut.revision) void this.#measure();
  }

  /** What jumps where shots meet; the first time the server decodes them. */
  async #measure() {
    const { revision } = this.cut;
    if (this.cut.shots.length < 2 || !revision || !this.mayCut) return;
    const joins = await this.app.attempt(() => api.get("cuts/joins", { cut: this.cut.name }));
    if (!joins || revision !== this.cut.revision || this.abort.signal.aborted) return;
    this.joins = joins;
    this.#drawStrip();
    this.#drawShot();
  }

  // --- the page ----------------------------------------------------------------------------------------------------

  #build() {
    const suites = [...new Set(this.prompts.filter((prompt) => prompt.n_clips > 0).map((prompt) => prompt.suite))];
    this.playButton = iconButton("play", t("key.toggle"), () => this.sequence.toggle(), { class: "icon-button play" });
    this.soundButton = iconButton("sound", t("key.mute"), () => this.sequence.hear(!this.sequence.sound));
    this.time = h("output", { class: "timecode" });
    this.head = h("i", { class: "cut-head" });
    this.strip = h("ol", { class: "cut-strip", "aria-label": t("cut.strip") });
    this.panel = h("section", { class: "cut-shot", "aria-label": t("cut.shot") });
    const names = this.cuts.some((cut) => cut.name === this.cut.name) ? this.cuts : [...this.cuts, this.cut];
    put(
      this.element,
      h(
        "div",
        { class: "toolbar" },
        h("h1", {}, t("nav.cut")),
        choice(
          t("cut.which"),
          [...names.map((cut) => /** @type {Option} */ ([cut.name, cut.name])), ["", t("cut.another")]],
          this.cut.name,
          (name) => (name ? this.app.go("cut", `name=${encodeURIComponent(name)}`) : this.#askName()),
        ),
        this.mayCut &&
          suites.length > 0 &&
          choice(
            t("cut.fill"),
            [["", t("cut.fill")], ...suites.filter(Boolean).map((name) => /** @type {Option} */ ([name, name]))],
            "",
            (suite) => void this.#fill(suite),
          ),
        h("span", { class: "grow" }),
        this.mayCut && h("button", { type: "button", onclick: () => this.undo() }, t("cut.undo")),
        this.mayCut && h("button", { type: "button", onclick: () => this.redo() }, t("cut.redo")),
        this.app.bench.permissions.export !== false &&
          h("button", { type: "button", onclick: () => void this.#export() }, t("wall.export")),
      ),
      h(
        "div",
        { class: "viewer" },
        this.stage,
        h(
          "div",
          { class: "transport" },
          iconButton("back", t("key.stepBack"), () => void this.sequence.step(-1)),
          this.playButton,
          iconButton("forward", t("key.stepForward"), () => void this.sequence.step(1)),
          this.time,
          h("span", { class: "grow" }),
          this.soundButton,
          iconButton("keyboard", t("key.help"), () => this.run("help")),
        ),
        h("div", { class: "cut-lane" }, this.strip, this.head),
      ),
      this.panel,
    );
    this.sequence.addEventListener("time", () => this.#drawTime());
    this.sequence.addEventListener("shot", () => this.#choose(this.sequence.current, false));
    this.sequence.addEventListener("state", () => {
      put(this.playButton ?? this.element, icon(this.sequence.playing ? "pause" : "play"));
      put(this.soundButton ?? this.element, icon(this.sequence.sound ? "sound" : "mute"));
    });
    document.addEventListener("keydown", (event) => this.#onKey(event), { signal: this.abort.signal });
  }

  #draw() {
    this.#drawStrip();
    this.#drawShot();
    this.#drawTime();
  }

  #drawTime() {
    const fps = this.clips.get(this.cut.shots[0]?.clip ?? "")?.fps || 24;
    const { time, length } = this.sequence;
    if (this.time) this.time.textContent = `${timecode(time, fps)} / ${timecode(length, fps)}`;
    this.head?.style.setProperty("--at", String(length ? time / length : 0));
  }

  #drawStrip() {
    if (!this.strip) return;
    put(
      this.strip,
      this.cut.shots.map((shot, index) => this.#shotOf(shot, index)),
      !this.cut.shots.length && h("li", { class: "hint" }, t("cut.empty")),
    );
  }

  /**
   * @param {ShotFacts} shot
   * @param {number} index
   */
  #shotOf(shot, index) {
    const clip = this.clips.get(shot.clip);
    const join = this.joins[index];
    const problem = this.#problem(clip);
    const words = [...(join?.jumps ?? []).map(jumpWords), ...(join?.problem ? [join.problem] : [])];
    return h(
      "li",
      {
        class: `cut-item${index === this.chosen ? " chosen" : ""}${problem ? " has-problem" : ""}`,
        draggable: this.mayCut,
        dataset: { shot: index },
        style: { "--seconds": shot.out_s - shot.in_s },
        ondragstart: (event) => event.dataTransfer?.setData("text/plain", String(index)),
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => {
          event.preventDefault();
          const from = Number(event.dataTransfer?.getData("text/plain") || NaN);
          if (Number.isInteger(from)) this.#move(from, index);
        },
      },
      h(
        "button",
        {
          type: "button",
          class: "cut-button",
          "aria-current": index === this.chosen ? "true" : undefined,
          onclick: () => this.#choose(index, true),
        },
        clip && !clip.missing && h("img", { src: clip.poster_url, alt: "", draggable: false }),
        h("span", { class: "cut-name" }, `${index + 1} · ${clip?.model ?? t("player.missing")}`),
        h("span", { class: "unit" }, problem || seconds(shot.out_s - shot.in_s)),
      ),
      words.length > 0 &&
        h("span", { class: "cut-jump", role: "img", title: words.join("; "), "aria-label": words.join("; ") }, "!"),
    );
  }

  /** @param {ClipFacts | undefined} clip */
  #problem(clip) {
    if (!clip || clip.missing) return t("player.missing");
    return clip.state === "reject" ? t("state.reject") : "";
  }

  #drawShot() {
    const shot = this.cut.shots[this.chosen];
    const clip = shot && this.clips.get(shot.clip);
    if (!this.panel) return;
    if (!shot || !clip) return void put(this.panel);
    /**
     * @param {"in_s" | "out_s"} side
     * @param {string} word
     */
    const trim = (side, word) =>
      h(
        "div",
        { class: "cut-trim", role: "group", "aria-label": t(word) },
        h("span", {}, t(word)),
        this.mayCut &&
          h(
            "button",
            {
              type: "button",
              "aria-label": t("cut.frameBack", { what: t(word) }),
              onclick: () => this.#trim(side, -1),
            },
            "−1",
          ),
        h("output", { class: "timecode" }, timecode(shot[side], clip.fps || 24)),
        this.mayCut &&
          h(
            "button",
            { type: "button", "aria-label": t("cut.frameOn", { what: t(word) }), onclick: () => this.#trim(side, 1) },
            "+1",
          ),
      );
    const around = [this.joins[this.chosen - 1], this.joins[this.chosen]];
    const sentences = around.flatMap((join, place) =>
      join
        ? [...join.jumps.map(jumpWords), ...(join.problem ? [join.problem] : [])].map((words) =>
            t(place ? "cut.after" : "cut.before", { words }),
          )
        : [],
    );
    put(
      this.panel,
      h("h2", {}, `${this.chosen + 1} · ${clip.model} · ${clip.prompt_id}`),
      h("p", { class: "prompt-line" }, clip.prompt),
      h(
        "div",
        { class: "cut-tools" },
        trim("in_s", "cut.in"),
        trim("out_s", "cut.out"),
        this.mayCut &&
          h(
            "button",
            { type: "button", disabled: this.chosen === 0, onclick: () => this.run("earlier") },
            t("cut.earlier"),
          ),
        this.mayCut &&
          h(
            "button",
            { type: "button", disabled: this.chosen === this.cut.shots.length - 1, onclick: () => this.run("later") },
            t("cut.later"),
          ),
        this.mayCut && h("button", { type: "button", onclick: () => this.run("drop") }, t("cut.drop")),
      ),
      sentences.map((sentence) => h("p", { class: "cut-sentence" }, sentence)),
      this.mayCut && this.#alternates(shot, clip),
    );
  }

  /**
   * Other takes of the prompt, fetched when they are looked for.
   * @param {ShotFacts} shot
   * @param {ClipFacts} clip
   */
  #alternates(shot, clip) {
    const list = h("div", { class: "cut-alternates" });
    const place = this.chosen;
    return h(
      "details",
      {
        ontoggle: () =>
          void this.app.attempt(async () => {
            if (list.childElementCount) return;
            const answer = await api.get("clips", { prompt: clip.prompt_key, limit: ALTERNATES });
            const others = answer.clips.filter(
              (other) => other.id !== clip.id && other.state !== "reject" && !other.missing,
            );
            for (const other of others) this.clips.set(other.id, other);
            put(
              list,
              others.length === 0 && h("p", { class: "hint" }, t("cut.noOther")),
              others.map((other) =>
                h(
                  "button",
                  {
                    type: "button",
                    onclick: () => this.change(this.cut.shots.with(place, swapped(shot, other))),
                  },
                  h("img", { src: other.poster_url, alt: "" }),
                  h("span", {}, `${other.model} · ${other.sample}`),
                ),
              ),
            );
          }),
      },
      h("summary", {}, t("cut.alternates")),
      list,
    );
  }

  /**
   * @param {number} index
   * @param {boolean} seeks
   */
  #choose(index, seeks) {
    if (index < 0 || index >= this.cut.shots.length) return;
    const isOther = index !== this.chosen;
    this.chosen = index;
    if (isOther) {
      for (const item of this.strip?.children ?? []) {
        const own = /** @type {HTMLElement} */ (item).dataset.shot === String(index);
        item.classList.toggle("chosen", own);
        if (own) item.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
      this.#drawShot();
    }
    if (seeks) void this.sequence.seek(this.sequence.starts[index] + 1e-4);
  }

  /**
   * @param {"in_s" | "out_s"} side
   * @param {number} frames
   */
  #trim(side, frames) {
    const shot = this.cut.shots[this.chosen];
    const clip = shot && this.clips.get(shot.clip);
    if (clip) this.change(this.cut.shots.with(this.chosen, trimmed(shot, side, frames, clip)));
  }

  /**
   * The shot begins or ends with the frame on screen.
   * @param {"in_s" | "out_s"} side
   */
  #trimHere(side) {
    const shot = this.cut.shots[this.chosen];
    const clip = shot && this.clips.get(shot.clip);
    if (!clip) return;
    const fps = clip.fps || 24;
    const frame = Math.floor((this.sequence.time - this.sequence.starts[this.chosen] + shot.in_s) * fps + 1e-3);
    this.#trim(side, frame + (side === "out_s" ? 1 : 0) - Math.round(shot[side] * fps));
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #move(from, to) {
    if (from === to || to < 0 || to >= this.cut.shots.length) return;
    this.chosen = to;
    this.change(moved(this.cut.shots, from, to));
  }

  #askName() {
    const name = h("input", { "aria-label": t("cut.name"), maxlength: "100", class: "wide", required: true });
    const form = h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          box.close();
          this.app.go("cut", `name=${encodeURIComponent(name.value.trim())}`);
        },
      },
      name,
      h("button", { type: "submit", class: "primary" }, t("cut.another")),
    );
    const box = this.app.ask(t("cut.name"), form);
    name.focus();
  }

  /** @param {string} suite */
  async #fill(suite) {
    const shots = suite ? await this.app.attempt(() => api.get("cuts/fill", { suite })) : undefined;
    if (!shots) return;
    await this.#know(shots.map((shot) => shot.clip));
    this.chosen = 0;
    this.change(shots);
  }

  async #export() {
    await this.saving;
    const clips = this.cut.shots.flatMap((shot) => this.clips.get(shot.clip) ?? []);
    if (clips.length) askExport(this.app, clips, null, this.cut.name);
    else this.app.toast(t("cut.empty"));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (isTyping(event) || document.querySelector("dialog[open]")) return;
    const pressed = commandFor(event, CUT_KEYS);
    if (!pressed) return;
    event.preventDefault();
    this.run(pressed.command);
  }

  /** @param {string} command */
  run(command) {
    const { sequence, chosen } = this;
    /** @type {Record<string, () => unknown>} */
    const commands = {
      toggle: () => sequence.toggle(),
      stepForward: () => sequence.step(1),
      stepBack: () => sequence.step(-1),
      next: () => this.#choose(chosen + 1, true),
      previous: () => this.#choose(chosen - 1, true),
      later: () => this.#move(chosen, chosen + 1),
      earlier: () => this.#move(chosen, chosen - 1),
      setIn: () => this.#trimHere("in_s"),
      setOut: () => this.#trimHere("out_s"),
      drop: () => this.cut.shots.length && this.change(this.cut.shots.toSpliced(chosen, 1)),
      toStart: () => sequence.seek(0),
      mute: () => sequence.hear(!sequence.sound),
      help: () =>
        this.app.ask(
          t("key.help"),
          h(
            "dl",
            { class: "cut-keys" },
            CUT_KEYS.map(([keys, , word]) => [h("dt", {}, h("kbd", {}, keys[0])), h("dd", {}, t(word))]),
          ),
        ),
    };
    commands[command]?.();
  }

  close() {
    this.abort.abort();
    this.sequence.close();
  }
}

/**
 * What jumps, as a sentence.
 * @param {JoinFacts["jumps"][number]} jump
 */
function jumpWords(jump) {
  const side = jump.property === "light" || jump.property === "sharpness" ? (jump.amount > 0 ? ".more" : ".less") : "";
  const size = jump.property === "sharpness" ? 2 ** Math.abs(jump.amount) : Math.abs(jump.amount);
  return t(`jump.${jump.property}${side}`, { n: num(size, 1) });
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {string} query
 */
export async function open(app, element, query) {
  const view = new CutView(app, element, query);
  await view.open();
  return view;
}
