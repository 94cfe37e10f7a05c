// @ts-check
// The page around the views: navigation without reloads, light or dark, language, messages, and what is wrong.

import * as api from "./api.js";
import { choice, dialog, h, put } from "./dom.js";
import { droppedFiles } from "./dropped.js";
import { isTyping } from "./keys.js";
import { Selects } from "./selects.js";
import { currentLocale, sentenceOf, setWords, t } from "./words.js";

/** @import { Dropped } from "./dropped.js" */
/** @import { BenchFacts, Child, Option, PageEntry, ToastKind, View, ViewModule } from "../types/page.js" */

/** @typedef {PageEntry & { load: () => Promise<ViewModule> }} LoadablePage */
/**
 * Address below the base → page, as the shell names them.
 * @type {Record<string, LoadablePage>}
 */
let PAGES = {};
/** @type {Option[]} */
const LANGUAGES = [
  ["en", "English"],
  ["zh-CN", "简体中文"],
];

/** @param {string} key */
const remembered = (key) => {
  try {
    return localStorage.getItem(`vbench.${key}`);
  } catch {
    return null;
  }
};
/**
 * @param {string} key
 * @param {string} value
 */
const remember = (key, value) => {
  try {
    localStorage.setItem(`vbench.${key}`, value);
  } catch {
    /* private window: only this page forgets */
  }
};

/** One running page. Views get it as their context. */
export class App {
  /** @type {BenchFacts} */ bench;
  /** @type {View | null} */ view = null;
  /** @type {Record<string, string>} */ last = {};
  /** @type {HTMLElement} */ live;
  /** @type {HTMLElement} */ toasts;
  /** @type {HTMLElement} */ nav;
  /** @type {HTMLElement} */ benchName;
  /** @type {HTMLElement} */ main;
  /** @type {HTMLElement} */ banner;
  /** What was dropped on another page, for the one that brings clips in. @type {{files: Dropped[], skipped: number} | null} */
  dropped = null;

  /**
   * @param {HTMLElement} root
   * @param {{base: string, edition: string}} served
   */
  constructor(root, { base, edition }) {
    this.root = root;
    this.base = base;
    this.edition = edition;
    this.turn = 0;
    this.selects = new Selects(this);
  }

  async start() {
    this.live = h("div", { class: "sr-only", "aria-live": "polite" });
    this.toasts = h("div", { class: "toasts" });
    this.nav = h("nav", { "aria-label": t("nav.label") });
    this.benchName = h("span", { class: "bench-name" });
    this.main = h("div", { id: "vb-main", class: "main", tabindex: "-1" });
    this.banner = h("div", { class: "banner", role: "status", hidden: true });
    /** @type {Option[]} */
    const rooms = [
      ["auto", t("room.auto")],
      ["dark", t("room.dark")],
      ["light", t("room.light")],
    ];
    put(
      this.root,
      h(
        "a",
        {
          class: "skip",
          href: "#vb-main",
          onclick: (event) => {
            event.preventDefault();
            this.main.focus();
          },
        },
        t("nav.skip"),
      ),
      h(
        "header",
        { class: "bar" },
        h("a", { class: "brand", href: this.href(""), onclick: (event) => this.#follow(event) }, "vbench"),
        this.benchName,
        this.nav,
        h(
          "div",
          { class: "bar-end" },
          choice(t("room.label"), rooms, remembered("room") ?? "auto", (value) => {
            remember("room", value);
            this.#room();
          }),
          choice(t("nav.language"), LANGUAGES, currentLocale(), (value) => {
            remember("language", value);
            location.reload();
          }),
        ),
      ),
      this.banner,
      this.main,
      this.toasts,
      this.live,
    );
    addEventListener("popstate", () => void this.show());
    void PAGES[this.pageName].load().catch(() => {}); // on its way while the bench is asked; a failure is said when it is opened
    api.watchEdition(this.edition, () => this.#stale());
    try {
      this.bench = await api.get("bench");
    } catch (error) {
      return this.#broken(error);
    }
    this.benchName.textContent = this.bench.name;
    if (this.bench.read_only)
      this.benchName.after(h("span", { class: "read-only", title: t("bench.readOnly.about") }, t("bench.readOnly")));
    this.selects.recall();
    addEventListener("keydown", (event) => this.#undoKey(event));
    this.#takeDrops();
    await this.show();
    const others = () => {
      for (const page of Object.values(PAGES)) void page.load().catch(() => {});
    };
    (globalThis.requestIdleCallback ?? setTimeout)(others);
    return undefined;
  }

  /** Clips and folders may be dropped on any page. */
  #takeDrops() {
    if (this.bench.permissions.import === false) return;
    /** @param {DragEvent} event */
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
    addEventListener("dragover", (event) => {
      if (hasFiles(event)) event.preventDefault();
    });
    addEventListener("drop", (event) => {
      if (event.defaultPrevented || !hasFiles(event)) return;
      event.preventDefault();
      void droppedFiles(event.dataTransfer).then((dropped) => {
        this.dropped = dropped;
        this.go("generate");
      });
    });
  }

  /** @param {KeyboardEvent} event */
  #undoKey(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping(event)) return;
    const key = event.key.toLowerCase();
    const isRedo = key === "y" || (key === "z" && event.shiftKey);
    if (key !== "z" && !isRedo) return;
    event.preventDefault();
    const steps = this.view?.undo && this.view.redo ? /** @type {Required<View>} */ (this.view) : this.selects;
    void (isRedo ? steps.redo() : steps.undo());
  }

  get pageName() {
    const name = location.pathname.replace(/\/+$/, "").slice(this.base.length).replace(/^\//, "");
    return name in PAGES ? name : "";
  }

  /**
   * @param {string} page
   * @param {string} [query]
   */
  href(page, query = "") {
    return `${this.base}/${page}${query ? `?${query}` : ""}`;
  }

  /** @param {MouseEvent & {currentTarget: HTMLAnchorElement}} event */
  #follow(event) {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    this.goTo(new URL(event.currentTarget.href));
  }

  /** @param {URL} url */
  goTo(url) {
    history.pushState(null, "", url);
    void this.show().then(() => this.main.focus({ preventScroll: true }));
  }

  /**
   * Go to another view; `query` is what its link carries.
   * @param {string} page
   * @param {string} [query]
   */
  go(page, query = "") {
    this.goTo(new URL(this.href(page, query), location.href));
  }

  /**
   * A link to a view that does not reload the page.
   * @param {string} page
   * @param {string} query
   * @param {...Child} children
   */
  link(page, query, ...children) {
    return h("a", { href: this.href(page, query), onclick: (event) => this.#follow(event) }, ...children);
  }

  #drawNav() {
    const may = this.bench?.permissions ?? {}; // nobody knows it before the bench has answered
    const current = this.pageName;
    put(
      this.nav,
      Object.entries(PAGES)
        .filter(([name, page]) => (!page.needs || may[page.needs] !== false) && name !== "compare")
        .map(([name, page]) => {
          const link = this.link(name, this.last[name] ?? "", t(page.word));
          if (name === current || (current === "compare" && name === "")) link.setAttribute("aria-current", "page");
          return link;
        }),
    );
  }

  #room() {
    const wish = remembered("room") ?? "auto";
    const room = wish === "auto" ? PAGES[this.pageName].room : wish;
    this.root.dataset.room = room;
    document.documentElement.dataset.room = room;
  }

  async show() {
    const turn = ++this.turn;
    const name = this.pageName;
    this.#room();
    this.#drawNav();
    document.title = `${t(PAGES[name].word)} · vbench`;
    this.view?.close?.();
    this.view = null;
    this.root.dataset.page = name || "wall";
    const page = h("div", { class: `view view-${name || "wall"}` });
    put(this.main, page);
    let open;
    try {
      ({ open } = await PAGES[name].load());
    } catch {
      // its script did not come; browsers may remember that until the page is loaded anew
      if (turn === this.turn)
        put(
          page,
          this.problem(new api.ApiError(0, "offline"), () => location.reload()),
        );
      return;
    }
    try {
      const view = await open(this, page, location.search);
      if (turn !== this.turn) view?.close?.();
      else this.view = view;
    } catch (error) {
      if (turn === this.turn)
        put(
          page,
          this.problem(error, () => void this.show()),
        );
    }
  }

  /**
   * What went wrong, in a sentence, and a way to try again.
   * @param {unknown} error
   * @param {() => void} [retry]
   */
  problem(error, retry) {
    const isTold = error instanceof api.ApiError;
    if (!isTold) console.error(error);
    const sentence = isTold ? sentenceOf(error) : t("error.bug", { what: sentenceOf(error) });
    return h(
      "div",
      { class: "problem", role: "alert" },
      h("p", {}, sentence),
      retry && h("button", { type: "button", onclick: retry }, t("error.retry")),
    );
  }

  /** @param {unknown} error */
  #broken(error) {
    put(
      this.main,
      this.problem(error, () => location.reload()),
    );
    this.#room();
  }

  #stale() {
    put(
      this.banner,
      h("span", {}, t("error.stale")),
      h("button", { type: "button", onclick: () => location.reload() }, t("error.reload")),
    );
    this.banner.hidden = false;
  }

  /**
   * Say it to screen readers only.
   * @param {string} text
   */
  announce(text) {
    this.live.textContent = text;
  }

  /**
   * A short message that goes away; errors stay longer.
   * @param {string} text
   * @param {ToastKind} [kind]
   */
  toast(text, kind = "info") {
    const element = h("div", { class: `toast ${kind}`, role: kind === "error" ? "alert" : "status" }, text);
    if (kind !== "error") for (const older of this.toasts.querySelectorAll(".toast:not(.error)")) older.remove();
    this.toasts.append(element);
    setTimeout(() => element.remove(), kind === "error" ? 9000 : 4000);
  }

  /**
   * Run something a click asked for; where it fails, say so.
   * @template T
   * @param {() => T} work
   * @returns {Promise<Awaited<T> | undefined>}
   */
  async attempt(work) {
    try {
      return await work();
    } catch (error) {
      if (api.isAborted(error)) return undefined;
      if (!(error instanceof api.ApiError)) console.error(error);
      this.toast(sentenceOf(error), "error");
      return undefined;
    }
  }

  /**
   * An empty page that says what will be here and how to get it.
   * @param {string} title
   * @param {string} text
   * @param {...Child} actions
   */
  empty(title, text, ...actions) {
    return h(
      "div",
      { class: "empty" },
      h("h1", {}, title),
      text.split("\n").map((line) => h("p", {}, line)),
      actions.length > 0 && h("div", { class: "actions" }, actions),
    );
  }

  /**
   * @param {string} title
   * @param {...Child} children
   */
  ask(title, ...children) {
    const element = dialog(title, t("close"), ...children);
    this.root.append(element);
    element.showModal();
    return element;
  }

  /**
   * @param {string} page
   * @param {string} query
   */
  remember(page, query) {
    this.last[page] = query;
  }
}

/** Drawing before the style is there would jump. */
async function styled() {
  const link = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[href*="/static/vbench.css"]'));
  if (!link || link.sheet) return;
  await new Promise((resolve) => {
    link.addEventListener("load", resolve, { once: true });
    setTimeout(resolve, 3000);
  });
}

/**
 * Called by the Gradio component when it is on the page.
 * @param {HTMLElement} element
 * @param {object} served
 * @param {string} served.base
 * @param {string} served.edition
 * @param {PageEntry[]} served.pages
 * @param {string} [served.api] where its API is, for guests of a review
 * @param {Record<string, Record<string, string>>} [served.words] where no Gradio hands them over
 */
export async function mount(element, { base, edition, pages, api: apiRoot, words }) {
  if (apiRoot) api.setRoot(apiRoot);
  PAGES = Object.fromEntries(pages.map((page) => [page.path, { ...page, load: () => import(`./${page.script}`) }]));
  await styled();
  const language = new URLSearchParams(location.search).get("lang") ?? remembered("language");
  const locale = setWords(
    words ?? /** @type {any} */ (window).gradio_config?.i18n_translations ?? {},
    [...(language ? [language] : []), ...navigator.languages].filter(Boolean),
  );
  document.documentElement.lang = locale;
  const root = /** @type {HTMLElement} */ (element.querySelector(".vb"));
  root.lang = locale;
  await new App(root, { base, edition }).start();
}
