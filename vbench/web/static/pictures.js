// @ts-check
// Pictures that takes start from, end on, or are to show: dropped or chosen, checked by the server, shown small.

import * as api from "./api.js";
import { h, iconButton, put } from "./dom.js";
import { sentenceOf, t } from "./words.js";

/** @import { PictureFacts } from "../types/page.js" */

const MOST_REFERENCES = 9;
/** Kinds of pictures, as a wish names them. */
const KINDS = /** @type {const} */ (["image", "last_image", "references"]);
/** @typedef {typeof KINDS[number]} Kind */
/** @typedef {{facts: PictureFacts, url: string}} Kept a picture that the bench has, and what the browser shows of it */

export class Pictures {
  /** @type {Record<Kind, Kept[]>} */ kept = { image: [], last_image: [], references: [] };
  /** @type {Record<Kind, string[]>} */ notes = { image: [], last_image: [], references: [] };
  /** @type {Record<Kind, HTMLElement>} */ places;

  /** @param {() => unknown} onchange told when a picture came or went */
  constructor(onchange) {
    this.onchange = onchange;
  }

  draw() {
    const places = KINDS.map((kind) => [kind, h("div", { class: "picture-place" })]);
    this.places = Object.fromEntries(places);
    for (const kind of KINDS) this.#drawPlace(kind);
    return h(
      "fieldset",
      { class: "pictures" },
      h("legend", {}, t("picture.title")),
      KINDS.map((kind) => this.places[kind]),
    );
  }

  /** What a wish says of them. */
  wish() {
    /** @param {Kind} kind */
    const names = (kind) => this.kept[kind].map(({ facts }) => facts.picture);
    return {
      image: names("image")[0] ?? "",
      last_image: names("last_image")[0] ?? "",
      references: names("references"),
    };
  }

  get some() {
    return KINDS.some((kind) => this.kept[kind].length > 0);
  }

  /** @param {Kind} kind */
  #drawPlace(kind) {
    const id = `vb-picture-${kind}`;
    const most = kind === "references" ? MOST_REFERENCES : 1;
    /** @type {HTMLInputElement} */
    const input = h("input", {
      type: "file",
      accept: "image/png,image/jpeg,image/webp",
      multiple: most > 1,
      class: "sr-only",
      id,
      onchange: () => {
        void this.#take(kind, [...(input.files ?? [])]);
        input.value = "";
      },
    });
    const drop = h(
      "label",
      { class: "drop small", for: id },
      h("b", {}, t(`picture.${kind}`)),
      h("span", { class: "hint" }, t(`picture.${kind}Hint`)),
      input,
    );
    for (const name of ["dragover", "dragenter"])
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      void this.#take(kind, [...(event.dataTransfer?.files ?? [])]);
    });
    const shown = this.kept[kind].map((kept) =>
      h(
        "figure",
        { class: "picture" },
        h("img", { src: kept.url, alt: t(`picture.${kind}`) }),
        h("figcaption", { class: "unit" }, `${kept.facts.width} × ${kept.facts.height}`),
        iconButton("cross", t("picture.remove"), () => {
          URL.revokeObjectURL(kept.url);
          this.kept[kind] = this.kept[kind].filter((other) => other !== kept);
          this.notes[kind] = [];
          this.#drawPlace(kind);
          this.onchange();
        }),
      ),
    );
    put(
      this.places[kind],
      shown,
      shown.length < most && drop,
      this.notes[kind].map((note) => h("p", { class: "hint", role: "status" }, note)),
    );
  }

  /**
   * @param {Kind} kind
   * @param {File[]} files
   */
  async #take(kind, files) {
    const room = (kind === "references" ? MOST_REFERENCES : 1) - this.kept[kind].length;
    this.notes[kind] = files.length > room ? [t("picture.tooMany", { n: room })] : [];
    for (const file of files.slice(0, room)) {
      try {
        const facts = await api.uploadPicture(file);
        this.notes[kind].push(...(facts.error ? [facts.error] : facts.notes));
        if (!facts.error) this.kept[kind].push({ facts, url: URL.createObjectURL(file) });
      } catch (error) {
        this.notes[kind].push(sentenceOf(error));
      }
    }
    this.#drawPlace(kind);
    this.onchange();
  }

  close() {
    for (const kind of KINDS) for (const { url } of this.kept[kind]) URL.revokeObjectURL(url);
  }
}
