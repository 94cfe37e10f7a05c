// @ts-check
// How the takes lie on the stage: side by side or stacked (wipe, overlay, difference, blink), zoomed and panned as one.

import { h } from "./dom.js";
import { Gestures } from "./gestures.js";
import { GAP, layout, LINE } from "./layout.js";
import { t } from "./words.js";

/** @import { Player } from "./player.js" */
/** @import { Mode, Zoomed } from "../types/page.js" */

/** What changes without anything finding another place. */
const LOOKS = ["view", "wipe", "mix", "gain"];

/** Key → how far it moves the line of the wipe. @type {Record<string, number | undefined>} */
const DIVIDER_KEYS = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 };

export class Stage extends EventTarget {
  /** @type {Mode} */ mode = "grid";
  /** @type {Zoomed} */ view = { zoom: 1, x: 0, y: 0 };
  /** @type {number | null} */ only = null;

  /** @param {Player} player */
  constructor(player) {
    super();
    this.player = player;
    this.a = 0;
    this.b = 1;
    this.gain = 4;
    this.mix = 0.5;
    this.wipe = 0.5;
    this.loupe = false;
    this.blinkHz = 2;
    this.divider = h("div", {
      class: "divider",
      role: "slider",
      tabindex: "0",
      "aria-label": t("player.divider"),
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      onkeydown: (event) => this.#dividerKey(event),
    });
    this.element = h("div", { class: "stage", role: "group", "aria-label": t("player.stage") }, this.divider);
    new Gestures(this);
    this.#observer = new ResizeObserver(() => {
      this.#arrange();
      this.#placeDivider();
    });
    this.#observer.observe(this.element);
    this.#onTakes = () => this.#mount();
    player.addEventListener("takes", this.#onTakes);
    this.#onSteering = () => {
      this.element.dataset.steering = player.steering; // for whoever looks: how takes are held together here
    };
    player.addEventListener("steering", this.#onSteering);
  }

  /** @type {ResizeObserver} */
  #observer;
  /** @type {() => void} */
  #onTakes;
  /** @type {() => void} */
  #onSteering;
  #blinkTimer = 0;

  close() {
    this.#observer.disconnect();
    this.player.removeEventListener("takes", this.#onTakes);
    this.player.removeEventListener("steering", this.#onSteering);
    clearInterval(this.#blinkTimer);
  }

  #mount() {
    this.element.replaceChildren(...this.player.takes.map((take) => take.element), this.divider);
    this.only = null;
    this.draw();
  }

  /** @param {Partial<Pick<Stage, "mode" | "a" | "b" | "gain" | "mix" | "wipe" | "view" | "only" | "loupe">>} values */
  set(values) {
    const isLook = Object.keys(values).every((key) => LOOKS.includes(key)); // a finger sets these at every move
    Object.assign(this, values);
    if (isLook) this.#look();
    else this.draw();
    this.dispatchEvent(new Event("change"));
  }

  /** Where the line, the gain and the zoom are. */
  #look() {
    const { element, view } = this;
    const style = {
      "--wipe": `${this.wipe * 100}%`,
      "--mix": this.mix,
      "--gain": this.gain,
      "--zoom": view.zoom,
      "--x": `${view.x * 100}%`,
      "--y": `${view.y * 100}%`,
    };
    for (const [name, value] of Object.entries(style)) element.style.setProperty(name, String(value));
    element.classList.toggle("zoomed", view.zoom > 1);
    this.divider.setAttribute("aria-valuenow", String(Math.round(this.wipe * 100)));
    this.#placeDivider();
  }

  draw() {
    const { element, player } = this;
    const stacked = player.takes.length > 1 && this.mode !== "grid";
    element.dataset.mode = stacked ? this.mode : "grid";
    element.classList.toggle("loupe", this.loupe);
    this.divider.hidden = element.dataset.mode !== "wipe";
    player.takes.forEach((take, index) => {
      const role = !stacked ? "" : index === this.a ? "a" : index === this.b ? "b" : "off";
      take.element.dataset.role = role;
      take.element.classList.toggle("away", !stacked && this.only !== null && this.only !== index);
    });
    clearInterval(this.#blinkTimer);
    if (element.dataset.mode === "blink") this.#blink();
    else element.classList.remove("blink-b");
    this.#arrange();
    this.#look();
  }

  /** At most three changes a second unless asked for more; none by itself where motion is not wanted. */
  #blink() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.#blinkTimer = setInterval(() => this.element.classList.toggle("blink-b"), 1000 / this.blinkHz);
  }

  blinkOnce() {
    clearInterval(this.#blinkTimer);
    this.element.classList.toggle("blink-b");
  }

  /** Give each picture its place; on a narrow screen the stage is no higher than the pictures need. */
  #arrange() {
    const { element, player } = this;
    if (!player.takes.length) return;
    element.style.removeProperty("--needed");
    const { clientWidth: width, clientHeight: height } = element;
    if (element.dataset.mode !== "grid") {
      const { aspect } = player.takes[this.a] ?? player.takes[0];
      element.style.setProperty("--stack-aspect", String(aspect));
      element.style.setProperty("--needed", `${Math.round((width - 2 * GAP) / aspect + LINE + 2 * GAP)}px`);
      return;
    }
    const shown = player.takes.filter((take) => this.only === null || take.index === this.only);
    const {
      heads,
      tiles,
      height: needed,
    } = layout(
      shown.map((take) => take.aspect),
      width - 2 * GAP,
      height - 2 * GAP,
    );
    element.dataset.heads = heads;
    element.style.setProperty("--needed", `${needed + 2 * GAP}px`);
    const spare = height - element.clientHeight;
    shown.forEach((take, index) => {
      const tile = tiles[index];
      const place = {
        left: tile.left + GAP,
        top: tile.top + GAP - Math.floor(spare / 2),
        width: tile.width,
        height: tile.height,
        "picture-width": tile.pictureWidth,
        "picture-height": tile.pictureHeight,
      };
      for (const [name, value] of Object.entries(place)) take.element.style.setProperty(`--${name}`, `${value}px`);
    });
  }

  #placeDivider() {
    const frame = this.element.querySelector('.tile[data-role="a"] .tile-frame');
    if (!frame || this.divider.hidden) return;
    const box = frame.getBoundingClientRect();
    const stage = this.element.getBoundingClientRect();
    this.divider.style.setProperty("left", `${box.left - stage.left + box.width * this.wipe}px`);
    this.divider.style.setProperty("top", `${box.top - stage.top}px`);
    this.divider.style.setProperty("height", `${box.height}px`);
  }

  /** @param {KeyboardEvent} event */
  #dividerKey(event) {
    const step = DIVIDER_KEYS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.set({ wipe: Math.max(0, Math.min(1, this.wipe + step)) });
  }
}
