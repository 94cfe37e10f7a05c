// @ts-check
// Two to nine takes on one clock: the stage, the transport, the curves, and everything known about the takes.

import * as api from "./api.js";
import { Approvals } from "./approvals.js";
import { run } from "./commands.js";
import { SCALES } from "./curves.js";
import { choice, h, icon, iconButton, put, targetOf } from "./dom.js";
import { askExport } from "./exports.js";
import { Asked } from "./asked.js";
import { factTable } from "./facts.js";
import { clockcode, frameAt, timecode } from "./framestep.js";
import { commandFor, isTyping, keyName, PLAYER_KEYS } from "./keys.js";
import { ALIGNS, DEFAULTS, ENDINGS, fromQuery, MAX_LANES, MODES, toQuery } from "./link.js";
import { Notes } from "./notes.js";
import { Player } from "./player.js";
import { askReview } from "./reviews.js";
import { choiceOf, rating, roundRobin, stateWords } from "./selects.js";
import { Scopes } from "./scopes.js";
import { Stage } from "./stage.js";
import { localTime } from "./sync.js";
import { Timelines } from "./timeline.js";
import { metricAbout, metricName, sentenceOf, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { Align, Choice, ClipFacts, Ending, Mode, Option, Scale, ScoreFacts } from "../types/page.js" */

/**
 * The first key of a command.
 * @param {string} command
 */
const keyOf = (command) => PLAYER_KEYS.find((row) => row[1] === command)?.[0][0] ?? "";
const MOST_TAKES = 9;
/** As cinemas, television, old screens, feeds and phones show pictures. */
const MASKS = ["2.39:1", "2:1", "1.85:1", "16:9", "4:3", "1:1", "4:5", "9:16"];
const RATES = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 4];

/**
 * What a mode has to tune: of the stage, from, to, in steps of.
 * @type {Partial<Record<Mode, [key: "mix" | "gain", min: number, max: number, step: number]>>}
 */
const TUNED = { overlay: ["mix", 0, 1, 0.01], difference: ["gain", 1, 32, 0.5] };

export class Compare {
  /** @type {Record<string, ScoreFacts>[]} */ scores = [];
  /** @type {ClipFacts[]} */ clips;
  /** @type {string[]} */ known;
  /** @type {HTMLButtonElement} */ playButton;
  /** @type {HTMLButtonElement[]} */ modeButtons;
  /** @type {HTMLButtonElement} */ loopButton;
  /** @type {HTMLButtonElement} */ loudnessButton;
  /** @type {HTMLButtonElement} */ loupeButton;
  /** @type {HTMLSelectElement} */ rateChoice;
  /** @type {HTMLSelectElement} */ alignChoice;
  /** @type {HTMLSelectElement} */ endChoice;
  /** @type {HTMLSelectElement} */ scaleChoice;
  /** @type {HTMLElement} */ time;
  /** @type {HTMLElement} */ tune;
  /** @type {HTMLElement} */ offsets;
  /** @type {HTMLElement} */ metricChoice;
  /** @type {HTMLElement} */ factBox;
  /** @type {HTMLElement} */ promptLine;
  /** @type {HTMLElement} */ viewer;
  /** @type {number | undefined} */ saving;

  /**
   * @param {App} app
   * @param {HTMLElement} element
   * @param {string} query
   */
  constructor(app, element, query) {
    this.app = app;
    this.element = element;
    this.state = fromQuery(query);
    this.player = new Player();
    this.stage = new Stage(this.player);
    this.timelines = new Timelines(this.player);
    this.timelines.hear = (index) => this.run("solo", index + 1);
    this.scopes = new Scopes(this.player);
    this.notes = new Notes(app, this.player);
    this.asked = new Asked(this.player, (index) => this.focusTake(index));
    this.approvals = new Approvals(app);
    this.approvals.addEventListener("change", () => this.drawTakes());
    this.abort = new AbortController();
    this.focused = 0;
    this.keysOn = true;
  }

  async open() {
    const { takes } = this.state;
    if (!takes.length) {
      const link = this.app.link("", "", t("compare.toWall"));
      link.className = "button primary";
      put(this.element, this.app.empty(t("compare.emptyTitle"), t("compare.emptyText"), link));
      return;
    }
    this.#build();
    const answer = await api.get("clips", { ids: takes.join(","), limit: takes.length });
    const clips = takes.flatMap((id) => answer.clips.find((clip) => clip.id.startsWith(id)) ?? []);
    if (clips.length < takes.length) this.app.toast(t("compare.gone", { n: takes.length - clips.length }), "error");
    if (!clips.length) {
      put(
        this.element,
        this.app.empty(t("compare.goneTitle"), t("compare.goneText"), this.app.link("", "", t("compare.toWall"))),
      );
      return;
    }
    this.clips = clips;
    if (!this.isGuest) void this.#facts();
    void this.app.attempt(() => this.approvals.load());
    Object.assign(this.player, {
      align: this.state.align,
      ending: this.state.ending,
      looping: this.state.looping,
      rate: this.state.rate,
      inS: this.state.inS,
      outS: this.state.outS,
    });
    const { mode, a, b, gain, mix, wipe, zoom, x, y } = this.state;
    Object.assign(this.stage, { mode, a, b, gain, mix, wipe, view: { zoom, x, y } });
    this.timelines.scale = this.state.scale;
    const opened = this.player.open(clips, this.state.offsets);
    if (this.state.only !== null && mode === "grid") this.stage.set({ only: this.state.only });
    await opened;
    if (this.abort.signal.aborted) return;
    if (this.state.solo !== null) this.player.set({ solo: this.state.solo });
    await this.player.seek(this.state.timeS);
    this.element.dataset.ready = "1";
    void this.app.attempt(() => this.notes.load());
  }

  // --- what is known about the takes ---------------------------------------------------------------------------

  async #facts() {
    const { signal } = this.abort;
    /**
     * @template T
     * @param {(clip: ClipFacts) => Promise<T>} ask
     * @param {T} none in the place of what did not come
     */
    const each = (ask, none) =>
      Promise.all(
        this.clips.map((clip) =>
          ask(clip).catch((error) => {
            if (!api.isAborted(error)) this.app.toast(sentenceOf(error), "error");
            return none;
          }),
        ),
      );
    const [scores, curves, events] = await Promise.all([
      each((clip) => api.get(`clips/${clip.id}/scores`, {}, signal), {}),
      each((clip) => api.get(`clips/${clip.id}/timelines`, {}, signal), {}),
      each((clip) => api.get(`clips/${clip.id}/events`, {}, signal), []),
    ]);
    this.scores = scores;
    this.timelines.curves = curves;
    this.timelines.events = events;
    this.asked.boxes.events = events;
    void this.app.attempt(() => this.asked.load(this.clips, signal));
    const known = [...new Set(this.timelines.curves.flatMap((curve) => Object.keys(curve)))];
    const wished = this.state.metrics.filter((name) => known.includes(name));
    this.timelines.better = Object.fromEntries(
      this.scores
        .flatMap((column) => Object.entries(column ?? {}))
        .map(([name, score]) => [name, score.higher_is_better]),
    );
    this.timelines.metrics = wished.length
      ? wished
      : known.sort((x, y) => this.#telling(y) - this.#telling(x)).slice(0, 1);
    this.known = known;
    this.#drawMetricChoice();
    this.timelines.draw();
    void this.#sounds(signal);
    put(this.factBox, factTable(this.clips, this.scores));
  }

  /**
   * Waveforms and loudness; a sound that cannot be drawn can be heard all the same, so that is no error of the page.
   * @param {AbortSignal} signal
   */
  async #sounds(signal) {
    this.timelines.sounds = await Promise.all(
      this.clips.map(async (clip) => {
        try {
          return clip.waveform_url ? await (await api.ready(clip.waveform_url, { signal })).json() : undefined;
        } catch {
          return undefined;
        }
      }),
    );
    if (!signal.aborted) this.player.set({ loudness: this.timelines.sounds.map((wave) => wave?.loudness_lufs) });
  }

  /**
   * What to show first: curves that found worst moments, then those of steadiness over time.
   * @param {string} metric
   */
  #telling(metric) {
    const worst = this.timelines.events
      .flat()
      .filter((event) => event.kind === "worst" && event.metric === metric).length;
    return worst + (this.scores.some((column) => column?.[metric]?.group === "temporal") ? 0.5 : 0);
  }

  #drawMetricChoice() {
    put(
      this.metricChoice,
      this.known.map((name) => {
        const on = this.timelines.metrics.includes(name);
        return h(
          "button",
          {
            type: "button",
            class: "chip",
            title: metricAbout(name, this.scores.find((column) => column?.[name])?.[name].about),
            "aria-pressed": String(on),
            onclick: () => {
              const others = this.timelines.metrics.filter((other) => other !== name);
              this.timelines.metrics = on ? others : [...others, name].slice(-MAX_LANES);
              this.timelines.draw();
              this.#drawMetricChoice();
              this.#save();
            },
          },
          metricName(name),
        );
      }),
    );
  }

  // --- the page ----------------------------------------------------------------------------------------------------

  #build() {
    this.playButton = iconButton("play", t("key.toggle"), () => this.player.toggle(), { class: "icon-button play" });
    this.time = h("output", { class: "timecode" });
    this.modeButtons = MODES.map((mode) =>
      h(
        "button",
        {
          type: "button",
          dataset: { mode },
          title: `${t(`mode.${mode}`)} (${keyName(keyOf(mode))})`,
          onclick: () => this.stage.set({ mode }),
        },
        t(`mode.${mode}`),
      ),
    );
    this.tune = h("label", { class: "tune" });
    this.rateChoice = choice(
      t("player.speed"),
      RATES.map((rate) => [String(rate), `${rate}×`]),
      String(this.state.rate),
      (value) => this.player.set({ rate: Number(value) }),
    );
    this.alignChoice = choice(
      t("player.align"),
      ALIGNS.map((name) => [name, t(`align.${name}`)]),
      this.state.align,
      (value) => this.player.set({ align: /** @type {Align} */ (value) }),
    );
    this.endChoice = choice(
      t("player.ending"),
      ENDINGS.map((name) => [name, t(`ending.${name}`)]),
      this.state.ending,
      (value) => this.player.set({ ending: /** @type {Ending} */ (value) }),
    );
    this.maskChoice = choice(
      t("mask.title"),
      [["", t("mask.none")], ["safe", t("mask.safe")], ...MASKS.map((name) => /** @type {Option} */ ([name, name]))],
      "",
      (value) => this.#mask(value),
    );
    this.scopesButton = h(
      "button",
      { type: "button", class: "chip", onclick: () => this.run("scopes") },
      t("scope.title"),
    );
    this.loopButton = h(
      "button",
      { type: "button", class: "chip", onclick: () => this.player.set({ looping: !this.player.looping }) },
      t("player.loop"),
    );
    this.loudnessButton = h(
      "button",
      {
        type: "button",
        class: "chip",
        hidden: true,
        title: t("sound.matchedWhy"),
        onclick: () => this.player.set({ matched: !this.player.matched }),
      },
      t("sound.matched"),
    );
    this.offsets = h("div", { class: "offsets" });
    this.scaleChoice = choice(
      t("player.scale"),
      SCALES.map((name) => [name, t(`scale.${name}`)]),
      this.state.scale,
      (value) => {
        this.timelines.scale = /** @type {Scale} */ (value);
        this.timelines.draw();
        this.#save();
      },
    );
    this.loupeButton = iconButton("zoom", t("key.loupe"), () => this.run("loupe"));
    this.metricChoice = h("div", { class: "chips", role: "group", "aria-label": t("player.metrics") });
    this.factBox = h("div", { class: "fact-box" }, h("div", { class: "ghost-table" }));
    this.promptLine = h("p", { class: "prompt-line" });
    /**
     * @param {number} frames
     * @param {string} word
     * @param {"back" | "forward"} name
     */
    const step = (frames, word, name) => iconButton(name, t(word), () => void this.player.step(frames));
    const transport = h(
      "div",
      { class: "transport" },
      step(-1, "key.stepBack", "back"),
      this.playButton,
      step(1, "key.stepForward", "forward"),
      this.time,
      this.rateChoice,
      this.loopButton,
      this.scopesButton,
      this.loudnessButton,
      h("div", { class: "segmented", role: "group", "aria-label": t("player.mode") }, this.modeButtons),
      this.tune,
      h("span", { class: "grow" }),
      !this.isGuest &&
        h(
          "button",
          { type: "button", class: "labelled", onclick: () => this.run("nextWorst") },
          icon("next"),
          t("player.nextWorst"),
        ),
      this.loupeButton,
      iconButton("link", t("player.copyLink"), () => void this.#copyLink()),
      this.app.bench.permissions.export !== false &&
        iconButton("download", t("export.title"), () => askExport(this.app, this.clips, this.player.time)),
      this.app.bench.permissions.share !== false &&
        iconButton("share", t("review.title"), () => void askReview(this.app, this.clips)),
      iconButton("keyboard", t("key.help"), () => this.run("help")),
      iconButton("full", t("key.fullscreen"), () => this.run("fullscreen")),
    );
    this.viewer = h(
      "div",
      { class: "viewer" },
      this.stage.element,
      transport,
      this.scopes.element,
      this.timelines.element,
    );
    put(
      this.element,
      h("h1", { class: "sr-only" }, t("nav.compare")),
      this.viewer,
      h(
        "div",
        { class: "below" },
        h(
          "div",
          { class: "below-head" },
          this.promptLine,
          this.metricChoice,
          h(
            "div",
            { class: "policies" },
            this.maskChoice,
            !this.isGuest && this.scaleChoice,
            this.alignChoice,
            this.endChoice,
            this.offsets,
          ),
        ),
        this.asked.element,
        !this.isGuest && this.factBox,
        this.notes.element,
      ),
    );
    this.#listen();
  }

  /**
   * What of the picture a cinema or a phone shows, or the areas that are safe.
   * @param {string} name a shape such as "2.39:1"; empty: nothing over the picture
   */
  #mask(name) {
    const { element } = this.stage;
    delete element.dataset.mask;
    if (!name) return;
    element.dataset.mask = name === "safe" ? "safe" : "shape";
    const [wide, tall] = name.split(":").map(Number);
    if (name !== "safe") element.style.setProperty("--mask", String(wide / tall));
  }

  #listen() {
    const { signal } = this.abort;
    const { player, stage } = this;
    player.addEventListener("time", () => this.#drawTime());
    player.addEventListener("frames", () => {
      this.#drawTime();
      this.#save();
    });
    player.addEventListener("state", () => {
      this.#drawState();
      this.#save();
    });
    player.addEventListener("takes", () => this.drawTakes());
    player.addEventListener("refused", () => this.app.toast(t("player.refused"), "error"));
    player.addEventListener("ready", () => {
      this.drawTakes();
      this.timelines.draw();
    });
    stage.addEventListener("change", () => {
      this.#drawState();
      this.#save();
    });
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.notes.addEventListener("change", () => {
      this.timelines.notes = this.notes.notes;
      this.timelines.draw();
    });
    this.app.selects.addEventListener(
      "change",
      (event) => this.#decided(/** @type {CustomEvent<Map<string, Choice>>} */ (event).detail),
      { signal },
    );
    document.addEventListener(
      "visibilitychange",
      () => {
        if (document.hidden) player.pause();
      },
      { signal },
    );
    this.stage.element.addEventListener("click", (event) => {
      const tile = /** @type {HTMLElement | null} */ (targetOf(event).closest(".tile"));
      if (tile) this.focusTake(Number(tile.dataset.take));
    });
    this.timelines.element.addEventListener("keydown", (event) => {
      if (["Home", "End", "ArrowLeft", "ArrowRight"].includes(event.key)) event.preventDefault();
    });
    this.#drawState();
  }

  get mayMark() {
    return this.app.bench.permissions.annotate !== false && this.app.bench.mode === "local";
  }

  /** Whether a guest of a review looks, who knows the takes of one link and no measures. */
  get isGuest() {
    return this.app.bench.mode === "review";
  }

  /**
   * Decide about a take; the one in focus where none is named.
   * @param {Partial<Choice> | ((choice: Choice) => Partial<Choice>)} change
   * @param {number} [index]
   */
  decide(change, index = this.focused) {
    const clip = this.clips[index];
    if (clip && this.mayMark) void this.app.selects.change([clip], change);
  }

  /** @param {Map<string, Choice>} choices */
  #decided(choices) {
    for (const clip of this.clips) Object.assign(clip, choices.get(clip.id) ?? choiceOf(clip));
    this.drawTakes();
    this.timelines.draw();
  }

  /**
   * The takes of the next prompt, or the next nine of this one: each tool once before any has a second.
   * @param {"prompt" | "takes"} what
   * @param {1 | -1} direction
   */
  async goOn(what, direction) {
    if (this.isGuest) return this.app.go("");
    const here = this.clips[this.focused]?.prompt_key;
    await this.app.attempt(async () => {
      const prompts = (await api.get("prompts")).filter((prompt) => prompt.n_clips > 0);
      const at = prompts.findIndex((prompt) => prompt.key === here);
      const prompt = what === "prompt" ? prompts[at + direction] : prompts[at];
      if (!prompt) return this.app.toast(t("compare.noMore"));
      const answer = await api.get("clips", { prompt: prompt.key, limit: 2000 });
      const all = answer.clips.filter((clip) => clip.state !== "reject");
      let clips = roundRobin(all, MOST_TAKES);
      if (what === "takes") {
        const last = Math.max(...this.clips.map((clip) => all.findIndex((one) => one.id === clip.id)));
        clips = all.slice(last + 1, last + 1 + MOST_TAKES);
      }
      if (!clips.length) return this.app.toast(t("compare.noMore"));
      return this.app.go("compare", toQuery({ ...DEFAULTS, takes: clips.map((clip) => clip.id) }));
    });
  }

  /** @param {number} index */
  focusTake(index) {
    this.focused = index;
    this.player.reference = index;
    const isOneOfMany = this.player.takes.length > 1;
    for (const take of this.player.takes) take.element.classList.toggle("focused", take.index === index && isOneOfMany);
    this.timelines.focus(isOneOfMany ? index : null);
    this.notes.focusTake(index);
  }

  drawTakes() {
    for (const take of this.player.takes) {
      const { clip, soundButton, index } = take;
      soundButton.hidden = !clip.has_audio;
      soundButton.onclick = () => this.run("solo", index + 1);
      soundButton.setAttribute("aria-label", t("player.soloTake", { n: index + 1 }));
      for (const old of take.head.querySelectorAll(".rating, .tile-state, .approval")) old.remove();
      take.element.classList.toggle("rejected", clip.state === "reject");
      if (this.mayMark) take.head.append(rating(clip, (change) => this.decide(change, index)));
      take.head.append(...this.approvals.of(clip.id));
      if (clip.state)
        take.head.append(h("span", { class: "tile-state", dataset: { state: clip.state } }, stateWords(clip)));
    }
    const prompts = new Set(this.clips.map((clip) => clip.prompt));
    this.promptLine.textContent = prompts.size === 1 ? [...prompts][0] : t("compare.prompts", { n: prompts.size });
    put(
      this.offsets,
      this.player.takes.length > 1 &&
        h(
          "details",
          {},
          h("summary", {}, t("player.offsets")),
          this.player.takes.map((take) =>
            h(
              "label",
              {},
              h(
                "span",
                { class: "swatch", style: { "--take": `var(--take-${take.index + 1})` } },
                String(take.index + 1),
              ),
              h("input", {
                type: "number",
                step: "0.01",
                value: String(take.offsetS),
                "aria-label": t("player.offsetOf", { n: take.index + 1 }),
                onchange: (event) => this.player.setOffset(take.index, Number(event.currentTarget.value) || 0),
              }),
              "s",
            ),
          ),
        ),
    );
    this.focusTake(Math.min(this.focused, this.player.takes.length - 1));
    this.#drawState();
    this.#drawTime();
  }

  #drawTime() {
    const { player } = this;
    this.time.textContent = `${clockcode(player.time)} / ${clockcode(player.length)}`;
    for (const take of player.takes) {
      const { localS } = localTime(player.time, take, player.ending);
      take.counter.textContent = timecode(localS, take.fps);
      take.counter.dataset.frame = String(frameAt(localS, take.fps, take.nFrames));
    }
  }

  #drawState() {
    const { player, stage } = this;
    put(this.playButton, icon(player.playing ? "pause" : "play"));
    this.viewer.classList.toggle("waiting", player.waiting);
    this.rateChoice.value = String(player.rate);
    this.alignChoice.value = player.align;
    this.endChoice.value = player.ending;
    this.loopButton.setAttribute("aria-pressed", String(player.looping));
    this.loupeButton.setAttribute("aria-pressed", String(stage.loupe));
    for (const button of this.modeButtons)
      button.setAttribute("aria-pressed", String(button.dataset.mode === stage.mode));
    for (const button of this.modeButtons) button.disabled = player.takes.length < 2 && button.dataset.mode !== "grid";
    this.offsets.querySelectorAll("input").forEach((input, index) => {
      input.value = String(player.takes[index].offsetS);
    });
    const nHeard = player.loudness.filter((lufs) => lufs !== undefined).length;
    this.loudnessButton.hidden = nHeard < 2;
    this.loudnessButton.setAttribute("aria-pressed", String(player.matched));
    for (const take of player.takes) put(take.soundButton, icon(player.solo === take.index ? "sound" : "mute"));
    const tuned = player.takes.length > 1 ? TUNED[stage.mode] : undefined;
    this.tune.hidden = !tuned;
    if (tuned && this.tune.dataset.of !== tuned[0]) {
      const [key, min, max, step] = tuned;
      this.tune.dataset.of = key;
      put(
        this.tune,
        h("span", {}, t(`player.${key}`)),
        h("input", {
          type: "range",
          min: String(min),
          max: String(max),
          step: String(step),
          value: String(stage[key]),
          oninput: (event) => stage.set({ [key]: Number(event.currentTarget.value) }),
        }),
      );
    } else if (tuned)
      /** @type {HTMLInputElement} */ (this.tune.querySelector("input")).value = String(stage[tuned[0]]);
    else delete this.tune.dataset.of;
  }

  // --- the link --------------------------------------------------------------------------------------------------

  #query() {
    const { player, stage } = this;
    return toQuery({
      ...DEFAULTS,
      takes: this.clips.map((clip) => clip.id),
      mode: stage.mode,
      timeS: player.time,
      inS: player.inS,
      outS: player.outS,
      rate: player.rate,
      align: player.align,
      ending: player.ending,
      looping: player.looping,
      offsets: player.takes.map((take) => take.offsetS),
      a: stage.a,
      b: stage.b,
      gain: stage.gain,
      mix: stage.mix,
      wipe: stage.wipe,
      zoom: stage.loupe ? 1 : stage.view.zoom,
      x: stage.view.x,
      y: stage.view.y,
      solo: player.solo,
      only: stage.only,
      metrics: this.timelines.metrics,
      scale: this.timelines.scale,
    });
  }

  #save() {
    if (!this.element.dataset.ready || this.player.playing) return;
    clearTimeout(this.saving);
    this.saving = setTimeout(() => {
      if (!this.abort.signal.aborted) history.replaceState(null, "", this.app.href("compare", this.#query()));
    }, 200);
  }

  async #copyLink() {
    const url = new URL(this.app.href("compare", this.#query()), location.href).href;
    try {
      await navigator.clipboard.writeText(url);
      this.app.toast(t("player.linkCopied"));
    } catch {
      const box = h("input", { value: url, readonly: true, "aria-label": t("player.link"), class: "wide" });
      this.app.ask(t("player.link"), box);
      box.select();
    }
  }

  // --- commands ----------------------------------------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (isTyping(event) || document.querySelector("dialog[open]")) return;
    const pressed = commandFor(event, PLAYER_KEYS);
    if (!pressed || (!this.keysOn && event.key.length === 1 && event.key !== " " && pressed.command !== "help")) return;
    if (event.repeat && !/step|second|gain|zoom|offset/i.test(pressed.command)) return;
    event.preventDefault();
    this.run(pressed.command, pressed.digit);
  }

  /**
   * @param {string} command
   * @param {number} [digit]
   */
  run(command, digit = 0) {
    run(this, command, digit);
  }

  close() {
    clearTimeout(this.saving);
    this.abort.abort();
    this.player.close();
    this.stage.close();
  }
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {string} query
 */
export async function open(app, element, query) {
  const compare = new Compare(app, element, query);
  await compare.open();
  return compare;
}
