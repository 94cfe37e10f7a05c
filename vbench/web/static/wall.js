// @ts-check
// All takes as posters, ten thousand of them if need be; choose two to nine and compare.

import * as api from "./api.js";
import { card } from "./card.js";
import { choice, h, icon, put } from "./dom.js";
import { columnsFor, windowOf } from "./grid.js";
import { askExport } from "./exports.js";
import { askReview } from "./reviews.js";
import { isTyping } from "./keys.js";
import { toQuery, DEFAULTS } from "./link.js";
import { askReason, REASONS, roundRobin, STATES } from "./selects.js";
import { num, sentenceOf, t } from "./words.js";

/** @import { App } from "./app.js" */
/** @import { Choice, ClipFacts, ModelFacts, Option, PromptFacts } from "../types/page.js" */

const PAGE = 100;
const MIN_CARD = 236;
const GAP = 14;
const TEXT_HEIGHT = 112;
const MAX_CHOSEN = 9;
const MOST_AT_ONCE = 2000; // of which a choice can be made at a stroke
const MOST_TO_CUT = 100; // an address holds no more
const LOOK_AGAIN_MS = 4000;
/** Words of the address that say which takes are here, and in which order. */
const FILTERS = /** @type {const} */ ([
  "prompt",
  "model",
  "state",
  "reason",
  "stars",
  "notes",
  "tag",
  "defect",
  "sort",
  "as_asked",
]);
const DEFECTS = ["cut", "freeze", "black", "worst"];
const SORTS = ["prompt", "model", "added", "stars", "state"];

/** Key → what it says of a take. @type {Record<string, Partial<Choice> | undefined>} */
const DECISIONS = {
  p: { state: "selected" },
  P: { state: "approved" },
  y: { state: "maybe" },
  Q: { state: "reject" },
  Backspace: { state: "" },
};

class Wall {
  /**
   * Page number → clips, or a promise of them.
   * @type {Map<number, ClipFacts[] | Promise<ClipFacts[]>>}
   */
  pages = new Map();
  /** @type {Map<string, ClipFacts>} */ chosen = new Map();
  /** Index → card. @type {Map<number, HTMLElement>} */ shown = new Map();
  /** @type {PromptFacts[]} */ prompts = [];
  /** @type {ModelFacts[]} */ models = [];
  /** @type {HTMLElement} */ count;
  /** @type {HTMLInputElement} */ search;
  /** @type {HTMLElement} */ promptList;
  /** @type {HTMLSelectElement} */ promptSelect;
  /** @type {HTMLElement} */ space;
  /** @type {HTMLElement} */ layer;
  /** @type {HTMLElement} */ tray;
  /** @type {HTMLElement} */ heading;
  /** @type {() => void} */ layout;
  /** Of the card that was focused last. @type {string} */ current = "";
  /** @type {ResizeObserver | undefined} */ observer;
  /** @type {number | undefined} */ timer;

  /**
   * @param {App} app
   * @param {HTMLElement} element
   * @param {string} query
   */
  constructor(app, element, query) {
    this.app = app;
    this.element = element;
    this.query = new URLSearchParams(query);
    this.total = 0;
    this.cards = new AbortController();
    this.pending = 0;
  }

  /** @returns {Record<typeof FILTERS[number], string>} */
  get filters() {
    return /** @type {any} */ (Object.fromEntries(FILTERS.map((name) => [name, this.query.get(name) ?? ""])));
  }

  get mayMark() {
    return this.app.bench.permissions.annotate !== false && this.app.bench.mode === "local";
  }

  async open() {
    const [prompts, models] = await Promise.all([api.get("prompts"), api.get("models"), this.page(0)]);
    this.prompts = prompts.filter((prompt) => prompt.n_clips > 0);
    this.models = models.filter((model) => model.n_clips > 0);
    if (this.total === 0 && !FILTERS.some((name) => this.filters[name])) return this.#teach();
    this.#build();
    return undefined;
  }

  #teach() {
    const may = this.app.bench.permissions;
    /**
     * @param {string} page
     * @param {string} word
     */
    const wayIn = (page, word) => {
      const link = this.app.link(page, "", t(word));
      link.className = "button";
      return link;
    };
    const lesson = this.app.empty(
      t("wall.emptyTitle"),
      t("wall.emptyText"),
      may.import !== false && wayIn("generate", "wall.bring"),
      may.generate !== false && wayIn("generate", "wall.generate"),
    );
    put(this.element, lesson);
    this.timer = setInterval(() => void this.#lookAgain(), LOOK_AGAIN_MS);
    lesson.append();
  }

  #build() {
    const { prompt, model } = this.filters;
    this.count = h("p", { class: "count", role: "status" });
    this.search = h("input", {
      type: "search",
      placeholder: t("wall.search"),
      "aria-label": t("wall.search"),
      oninput: () => this.#drawPrompts(),
    });
    this.promptList = h("ul", { class: "prompt-list" });
    this.promptSelect = choice(
      t("wall.prompt"),
      [
        ["", t("wall.allPrompts")],
        ...this.prompts.map((p) => /** @type {Option} */ ([p.key, `${p.id} · ${p.text.slice(0, 60)}`])),
      ],
      prompt,
      (value) => this.filter({ prompt: value }),
      { class: "prompt-select" },
    );
    this.space = h("div", { class: "wall-space" });
    this.layer = h("div", { class: "wall-layer" });
    this.space.append(this.layer);
    this.tray = h("div", { class: "tray", role: "region", "aria-label": t("wall.tray"), hidden: true });
    this.heading = h("h1", { class: "wall-title" });
    put(
      this.element,
      h("aside", { class: "prompts", "aria-label": t("wall.prompts") }, this.search, this.promptList),
      h(
        "section",
        { class: "wall" },
        h(
          "div",
          { class: "toolbar" },
          h("div", { class: "wall-heading" }, this.heading, this.count),
          this.promptSelect,
          choice(
            t("wall.model"),
            [
              ["", t("wall.allModels")],
              ...this.models.map((m) => /** @type {Option} */ ([m.id, `${m.name || m.id} (${m.n_clips})`])),
            ],
            model,
            (value) => this.filter({ model: value }),
          ),
          this.app.bench.permissions.export !== false &&
            h("button", { type: "button", onclick: () => void this.#exportShown() }, t("wall.export")),
          h("button", { type: "button", class: "primary", onclick: () => this.compareShown() }, t("wall.compareShown")),
        ),
        this.#filterBar(),
        this.space,
      ),
      this.tray,
    );
    this.#drawPrompts();
    this.#drawHeading();
    this.layout = () => {
      if (!this.pending)
        this.pending = requestAnimationFrame(() => {
          this.pending = 0;
          this.draw();
        });
    };
    this.observer = new ResizeObserver(this.layout);
    this.observer.observe(this.space);
    addEventListener("scroll", this.layout, { passive: true, capture: true, signal: this.cards.signal });
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.cards.signal });
    this.element.addEventListener("focusin", (event) => {
      const at = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".card"));
      if (at?.dataset.clip) this.current = at.dataset.clip;
    });
    this.app.selects.addEventListener(
      "change",
      (event) => this.#decided(/** @type {CustomEvent<Map<string, Choice>>} */ (event).detail),
      { signal: this.cards.signal },
    );
    this.timer = setInterval(() => void this.#lookAgain(), LOOK_AGAIN_MS);
    this.draw();
  }

  /** What else is asked of the takes, and in which order they lie. */
  #filterBar() {
    const now = this.filters;
    /**
     * @param {typeof FILTERS[number]} name
     * @param {readonly Option[]} options
     */
    const one = (name, options) =>
      choice(t(`by.${name}`), options, now[name], (value) => this.filter({ [name]: value }), {
        class: now[name] ? "set" : "",
      });
    const tags = [...new Set(this.prompts.flatMap((prompt) => prompt.tags))].sort();
    return h(
      "div",
      { class: "filters", role: "group", "aria-label": t("wall.filters") },
      one("state", [
        ["", t("wall.anyState")],
        ["open", t("state.open")],
        ["selected,approved", t("state.used")],
        ...STATES.map((state) => /** @type {Option} */ ([state, t(`state.${state}`)])),
        ["open,maybe,selected,approved", t("state.notRejected")],
      ]),
      one("reason", [
        ["", t("wall.anyReason")],
        ...REASONS.map((reason) => /** @type {Option} */ ([reason, t(`reject.${reason}`)])),
      ]),
      one("stars", [
        ["", t("wall.anyStars")],
        ...["1", "2", "3", "4", "5"].map((n) => /** @type {Option} */ ([n, `${"★".repeat(Number(n))}`])),
      ]),
      one("notes", [
        ["", t("wall.anyNotes")],
        ["true", t("wall.withNotes")],
      ]),
      tags.length > 0 && one("tag", [["", t("wall.anyTag")], ...tags.map((tag) => /** @type {Option} */ ([tag, tag]))]),
      one("defect", [
        ["", t("wall.anyDefect")],
        ...DEFECTS.map((kind) => /** @type {Option} */ ([kind, t(`event.${kind}`)])),
      ]),
      one("as_asked", [
        ["", t("wall.delivery")],
        ["no", t("wall.notAsAsked")],
      ]),
      one(
        "sort",
        SORTS.map((name) => /** @type {Option} */ ([name === "prompt" ? "" : name, t(`sort.${name}`)])),
      ),
    );
  }

  /** Takes that arrive while the wall is open appear on it; where it was scrolled to stays. */
  async #lookAgain() {
    if (document.hidden) return;
    const answer = await api.get("clips", { ...this.filters, limit: 1 }).catch(() => null); // said by whatever is clicked next
    if (!answer || answer.total === this.total || this.cards.signal.aborted) return;
    if (!this.space) {
      // the first takes came to an empty bench: the whole wall is built
      await this.app.show();
      return;
    }
    const prompts = await api.get("prompts").catch(() => null);
    if (prompts) this.prompts = prompts.filter((prompt) => prompt.n_clips > 0);
    this.#forget();
    await this.app.attempt(async () => {
      await this.page(0);
      this.#drawHeading();
      this.#drawPrompts();
      this.draw();
    });
  }

  #forget() {
    this.pages.clear();
    for (const element of this.shown.values()) element.remove();
    this.shown.clear();
  }

  #drawHeading() {
    const { prompt } = this.filters;
    const chosen = this.prompts.find((p) => p.key === prompt || p.id === prompt);
    this.heading.textContent = chosen ? chosen.text : t("wall.title");
    this.count.textContent = t("wall.count", { n: num(this.total, 0) });
  }

  #drawPrompts() {
    const words = this.search.value.toLowerCase();
    const all = {
      key: "",
      id: t("wall.allPrompts"),
      text: "",
      tags: [],
      n_clips: this.prompts.reduce((sum, p) => sum + p.n_clips, 0),
    };
    const fits = this.prompts
      .filter((p) => `${p.id} ${p.text} ${p.tags.join(" ")}`.toLowerCase().includes(words))
      .slice(0, 300);
    put(
      this.promptList,
      [all, ...fits].map((p) =>
        h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              "aria-current": p.key === this.filters.prompt ? "true" : undefined,
              onclick: () => this.filter({ prompt: p.key }),
            },
            h("span", { class: "prompt-id" }, p.id),
            h("span", { class: "prompt-n" }, num(p.n_clips, 0)),
            p.text && h("span", { class: "prompt-text" }, p.text),
          ),
        ),
      ),
    );
  }

  /** @param {Partial<Record<typeof FILTERS[number], string>>} values */
  filter(values) {
    for (const [key, value] of Object.entries(values)) {
      if (value) this.query.set(key, value);
      else this.query.delete(key);
    }
    this.app.remember("", this.query.toString());
    history.replaceState(null, "", this.app.href("", this.query.toString()));
    this.#forget();
    scrollTo({ top: 0 });
    void this.app.attempt(async () => {
      await this.page(0);
      this.#drawHeading();
      this.#drawPrompts();
      this.promptSelect.value = this.filters.prompt;
      this.draw();
    });
  }

  /**
   * Clips of one page of the list; asked for once.
   * @param {number} number
   */
  page(number) {
    const known = this.pages.get(number);
    if (known) return known;
    const load = api.get("clips", { ...this.filters, offset: number * PAGE, limit: PAGE }).then((answer) => {
      this.total = answer.total;
      this.pages.set(number, answer.clips);
      return answer.clips;
    });
    load.catch(() => this.pages.delete(number));
    this.pages.set(number, load);
    return load;
  }

  draw() {
    if (!this.layer.isConnected) return;
    const width = this.space.clientWidth;
    const narrow = innerWidth < 560;
    const columns = columnsFor(width, narrow ? 150 : MIN_CARD, GAP);
    const cardWidth = (width - GAP * (columns - 1)) / columns;
    const rowHeight = Math.round((cardWidth * 9) / 16) + TEXT_HEIGHT + GAP;
    const box = this.space.getBoundingClientRect();
    const { first, end, offset, height } = windowOf({
      total: this.total,
      columns,
      rowHeight,
      scrollTop: Math.max(0, -box.top),
      viewHeight: innerHeight,
    });
    this.space.style.setProperty("height", `${height}px`);
    this.layer.style.setProperty("transform", `translateY(${offset}px)`);
    this.layer.style.setProperty("grid-template-columns", `repeat(${columns}, minmax(0, 1fr))`);
    this.layer.style.setProperty("--row", `${rowHeight - GAP}px`);
    for (const [index, element] of this.shown) {
      if (index < first || index >= end) {
        element.remove();
        this.shown.delete(index);
      }
    }
    let before = null;
    for (let index = end - 1; index >= first; index -= 1) {
      let element = this.shown.get(index);
      const clip = this.#clip(index);
      if (!element || (element.dataset.clip === undefined && clip)) {
        element?.remove();
        element = clip ? this.#card(clip) : h("div", { class: "card ghost" });
        this.shown.set(index, element);
      }
      if (element.nextSibling !== before || element.parentNode !== this.layer) this.layer.insertBefore(element, before);
      before = element;
    }
  }

  /**
   * @param {number} index
   * @returns {ClipFacts | null}
   */
  #clip(index) {
    const page = this.page(Math.floor(index / PAGE));
    if (Array.isArray(page)) return page[index % PAGE];
    void page.then(this.layout).catch((error) => this.app.announce(sentenceOf(error)));
    return null;
  }

  /** @param {ClipFacts} clip */
  #card(clip) {
    return card(clip, {
      chosen: this.chosen.has(clip.id),
      mayMark: this.mayMark,
      onchoose: (which, extend) => void this.choose(which, extend),
      onopen: (which) => this.#compare([which]),
      onmark: (which, change) => void this.app.selects.change([which], change),
      onwhy: (which) => this.#reject([which]),
    });
  }

  /** Clips that were loaded, wherever. */
  get #loaded() {
    return [...[...this.pages.values()].filter(Array.isArray).flat(), ...this.chosen.values()];
  }

  /** @param {Map<string, Choice>} choices */
  #decided(choices) {
    const drawn = new Set();
    for (const clip of this.#loaded) {
      const choice = choices.get(clip.id);
      if (!choice) continue;
      Object.assign(clip, choice);
      if (!drawn.has(clip.id)) this.#redraw(clip);
      drawn.add(clip.id);
    }
  }

  /**
   * Reject with a reason, and go on.
   * @param {ClipFacts[]} clips
   */
  #reject(clips) {
    if (!this.mayMark) return;
    askReason(this.app, (reason) => {
      void this.app.selects.change(clips, { state: "reject", reason });
      this.#advance(clips);
    });
  }

  /** @param {ClipFacts} clip */
  #redraw(clip) {
    for (const [index, element] of this.shown) {
      if (element.dataset.clip !== clip.id) continue;
      const active = document.activeElement;
      const focused = element.contains(active) ? active?.getAttribute("aria-label") : null;
      const fresh = this.#card(clip);
      element.replaceWith(fresh);
      this.shown.set(index, fresh);
      if (focused)
        [...fresh.querySelectorAll("button")].find((button) => button.getAttribute("aria-label") === focused)?.focus();
    }
  }

  /**
   * @param {ClipFacts} clip
   * @param {boolean} [extend] all from the one chosen before to this one
   */
  async choose(clip, extend = false) {
    const last = [...this.chosen.keys()].at(-1);
    if (extend && last && last !== clip.id) {
      const all = this.#loaded.filter((one, index, list) => list.findIndex((other) => other.id === one.id) === index);
      const [from, to] = [last, clip.id].map((id) => all.findIndex((one) => one.id === id)).sort((a, b) => a - b);
      for (const one of all.slice(from, to + 1)) this.chosen.set(one.id, one);
      for (const one of all.slice(from, to + 1)) this.#redraw(one);
    } else {
      if (this.chosen.has(clip.id)) this.chosen.delete(clip.id);
      else {
        this.chosen.set(clip.id, clip);
        // its copy for playback is begun while others are chosen
        if (!clip.missing && this.chosen.size <= MAX_CHOSEN)
          void fetch(clip.proxy_url, { method: "HEAD" }).catch(() => {});
      }
      this.#redraw(clip);
    }
    this.#drawTray();
  }

  /** All that the filters leave. */
  async #everything() {
    const answer = await this.app.attempt(() => api.get("clips", { ...this.filters, limit: MOST_AT_ONCE }));
    if (answer && answer.total > answer.clips.length)
      this.app.toast(t("wall.firstN", { n: answer.clips.length, total: answer.total }));
    return answer?.clips ?? [];
  }

  async #chooseAll() {
    const known = new Map(this.#loaded.map((clip) => [clip.id, clip]));
    for (const clip of await this.#everything()) this.chosen.set(clip.id, known.get(clip.id) ?? clip);
    for (const clip of known.values()) this.#redraw(clip);
    this.#drawTray();
  }

  async #exportShown() {
    const clips = (await this.#everything()).filter((clip) => clip.state !== "reject");
    if (clips.length) askExport(this.app, clips);
    else this.app.toast(t("export.none"));
  }

  /**
   * To the next card after some of them, where one of them is focused.
   * @param {readonly ClipFacts[]} clips
   */
  #advance(clips) {
    if (clips.length !== 1) return;
    const cards = /** @type {HTMLElement[]} */ ([...this.layer.children]);
    const next = cards[cards.findIndex((element) => element.dataset.clip === clips[0].id) + 1];
    if (next) this.#focusCard(next);
  }

  /** @param {HTMLElement} element */
  #focusCard(element) {
    /** @type {HTMLElement | null} */ (element.querySelector(".card-frame"))?.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  #drawTray() {
    const clips = [...this.chosen.values()];
    this.tray.hidden = clips.length === 0;
    put(
      this.tray,
      h(
        "div",
        { class: "tray-clips" },
        clips.slice(0, 60).map((clip, index) =>
          h(
            "button",
            {
              type: "button",
              class: "tray-clip",
              title: `${clip.model} · ${clip.prompt_id}`,
              "aria-label": t("wall.unchoose", { model: clip.model }),
              style: { "--take": `var(--take-${(index % MAX_CHOSEN) + 1})` },
              onclick: () => void this.choose(clip),
            },
            h("img", { src: clip.poster_url, alt: "" }),
            icon("cross"),
          ),
        ),
      ),
      this.mayMark &&
        h(
          "div",
          { class: "tray-states", role: "group", "aria-label": t("select.label") },
          ["maybe", "selected", "approved"].map((state) =>
            h(
              "button",
              {
                type: "button",
                onclick: () => void this.app.selects.change(clips, /** @type {Partial<Choice>} */ ({ state })),
              },
              t(`state.${state}`),
            ),
          ),
          h("button", { type: "button", onclick: () => this.#reject(clips) }, t("select.reject")),
        ),
      this.mayMark &&
        h(
          "button",
          {
            type: "button",
            onclick: () => this.app.go("cut", `add=${clips.slice(0, MOST_TO_CUT).map((clip) => clip.id)}`),
          },
          t("cut.send"),
        ),
      this.app.bench.permissions.share !== false &&
        h("button", { type: "button", onclick: () => void askReview(this.app, clips) }, t("review.share")),
      this.app.bench.permissions.export !== false &&
        h(
          "button",
          {
            type: "button",
            onclick: () => {
              const kept = clips.filter((clip) => clip.state !== "reject");
              if (kept.length) askExport(this.app, kept);
              else this.app.toast(t("export.none"));
            },
          },
          t("wall.export"),
        ),
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            const all = [...this.chosen.values()];
            this.chosen.clear();
            for (const clip of all) this.#redraw(clip);
            this.#drawTray();
          },
        },
        t("wall.clear"),
      ),
      h(
        "button",
        { type: "button", class: "primary", onclick: () => this.#compare(clips) },
        t("wall.compareN", { n: Math.min(MAX_CHOSEN, clips.length) }),
      ),
    );
  }

  /**
   * Open these in the player; of too many, one take of each tool first.
   * @param {readonly ClipFacts[]} clips
   */
  #compare(clips) {
    const takes = roundRobin(clips, MAX_CHOSEN);
    if (takes.length < clips.length) this.app.toast(t("wall.atMost", { n: MAX_CHOSEN }));
    this.app.go("compare", toQuery({ ...DEFAULTS, takes: takes.map((clip) => clip.id) }));
  }

  /** Up to nine of the takes that the filters leave: a prompt across tools, a tool across seeds. */
  async compareShown() {
    const clips = await this.app.attempt(() => this.page(0));
    const kept = clips?.filter((clip) => clip.state !== "reject") ?? [];
    if (kept.length) this.#compare(roundRobin(kept, MAX_CHOSEN));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (isTyping(event) && !(event.key === "Enter" && event.shiftKey)) return;
    if (document.querySelector("dialog[open]")) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "a") {
      event.preventDefault();
      void this.#chooseAll();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const cards = /** @type {HTMLElement[]} */ ([...this.layer.children]);
    const index = cards.findIndex((element) => element.dataset.clip === this.current);
    const columns = getComputedStyle(this.layer).gridTemplateColumns.split(" ").length;
    /** @type {Record<string, number | undefined>} */
    const places = {
      ArrowRight: index + 1,
      ArrowLeft: index - 1,
      ArrowDown: index < 0 ? 0 : index + columns,
      ArrowUp: index - columns,
    };
    const to = places[event.key];
    if (to !== undefined && cards[to]) {
      event.preventDefault();
      this.#focusCard(cards[to]);
    } else if (event.key === "Enter" && event.shiftKey && this.chosen.size) {
      event.preventDefault();
      this.#compare([...this.chosen.values()]);
    } else this.#decideKey(event);
  }

  /**
   * Keys that say something of the chosen takes, or where none is chosen, of the one that is focused.
   * @param {KeyboardEvent} event
   */
  #decideKey(event) {
    const here = this.#loaded.find((clip) => clip.id === this.current);
    const isLetter = event.key.length === 1; // whatever Caps Lock says
    const key = !isLetter ? event.key : event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
    if ((key === "x" || key === "c") && here) {
      event.preventDefault();
      void this.choose(here);
      return;
    }
    const clips = this.chosen.size ? [...this.chosen.values()] : here ? [here] : [];
    if (!clips.length || !this.mayMark) return;
    const change = /^[0-5]$/.test(key) ? { stars: Number(key) } : DECISIONS[key];
    if (!change && key !== "q") return;
    event.preventDefault();
    if (change) {
      void this.app.selects.change(clips, change);
      this.#advance(clips);
    } else this.#reject(clips);
  }

  close() {
    this.cards.abort();
    clearInterval(this.timer);
    this.observer?.disconnect();
    cancelAnimationFrame(this.pending);
  }
}

/**
 * @param {App} app
 * @param {HTMLElement} element
 * @param {string} query
 */
export async function open(app, element, query) {
  const wall = new Wall(app, element, query);
  await wall.open();
  return wall;
}
