// @ts-check
// One take on the wall: a poster, and a strip of stills that follows the pointer; no video is loaded.

import * as api from "./api.js";
import { h, icon } from "./dom.js";
import { spriteTile } from "./grid.js";
import { clockcode } from "./framestep.js";
import { rating, stateWords } from "./selects.js";
import { seconds, t } from "./words.js";

/** @import { Choice, ClipFacts, SpriteShape } from "../types/page.js" */

/** @type {Map<string, Promise<SpriteShape>>} */
const sprites = new Map(); // sprite address → promise of its geometry; a strip is asked for once

/**
 * @param {string} url
 * @returns {Promise<SpriteShape>}
 */
function geometry(url) {
  let known = sprites.get(url);
  if (!known) {
    known = api
      .ready(url.replace(/\.webp$/, ".json"))
      .then((response) => response.json())
      .then((shape) => api.ready(url).then(() => shape))
      .catch((error) => {
        sprites.delete(url);
        throw error;
      });
    sprites.set(url, known);
  }
  return known;
}

/**
 * @param {ClipFacts} clip
 * @param {object} options
 * @param {boolean} options.chosen
 * @param {boolean} options.mayMark
 * @param {(clip: ClipFacts, extend: boolean) => unknown} options.onchoose extend: all from the one chosen before
 * @param {(clip: ClipFacts) => unknown} options.onopen
 * @param {(clip: ClipFacts, change: Partial<Choice>) => unknown} options.onmark
 * @param {(clip: ClipFacts) => unknown} options.onwhy
 */
export function card(clip, { chosen, mayMark, onchoose, onopen, onmark, onwhy }) {
  const problem = clip.missing ? t(clip.missing === "changed" ? "player.changed" : "player.missing") : "";
  let tries = 0;
  /** @type {HTMLImageElement} */
  const picture = h("img", {
    class: clip.missing ? "poster" : "poster loading",
    alt: "",
    loading: "lazy",
    decoding: "async",
    src: clip.missing ? undefined : clip.poster_url,
    onload: () => picture.classList.remove("loading"),
    onerror: () => {
      tries += 1;
      if (tries < 5) {
        // too many are being made just now
        setTimeout(() => {
          if (picture.isConnected) picture.src = `${clip.poster_url}?again=${tries}`;
        }, 3000 * tries);
        return;
      }
      picture.classList.remove("loading");
      picture.classList.add("broken");
    },
  });
  const strip = h("div", { class: "strip", hidden: true });
  const at = h("span", { class: "strip-time", hidden: true });
  const tick = h("div", { class: "strip-tick", hidden: true });
  const frame = h(
    "button",
    {
      type: "button",
      class: "card-frame",
      "aria-label": t("wall.open", { model: clip.model, prompt: clip.prompt_id, sample: clip.sample }),
      onclick: (event) =>
        event.shiftKey || event.metaKey || event.ctrlKey ? onchoose(clip, event.shiftKey) : onopen(clip),
    },
    picture,
    strip,
    tick,
    at,
    problem && h("span", { class: "card-problem" }, problem),
  );
  const tickbox = h(
    "button",
    {
      type: "button",
      class: "choose",
      "aria-pressed": String(chosen),
      "aria-label": t("wall.choose", { model: clip.model, prompt: clip.prompt_id }),
      title: t("wall.chooseShort"),
      onclick: (event) => onchoose(clip, event.shiftKey),
    },
    icon("check"),
  );
  const element = h(
    "article",
    {
      class: `card${chosen ? " chosen" : ""}${clip.state === "reject" ? " rejected" : ""}`,
      dataset: { clip: clip.id },
    },
    h(
      "div",
      { class: "card-top" },
      frame,
      tickbox,
      clip.state &&
        h(
          clip.state === "reject" && mayMark ? "button" : "span",
          { class: "card-state", dataset: { state: clip.state }, type: "button", onclick: () => onwhy(clip) },
          stateWords(clip),
        ),
      h(
        "span",
        { class: "card-facts" },
        `${clip.n_notes ? `✎${clip.n_notes} ` : ""}${seconds(clip.duration_s)}${clip.has_audio ? " ♪" : ""}`,
      ),
      clip.as_asked === false &&
        h(
          "span",
          { class: "card-mark", title: clip.warnings.filter((warning) => warning.startsWith("not as ")).join("; ") },
          t("wall.notAsAsked"),
        ),
    ),
    h(
      "div",
      { class: "card-text" },
      h(
        "div",
        { class: "card-line" },
        h("b", {}, clip.model),
        h("span", { class: "card-sample" }, `${clip.prompt_id} · ${clip.sample}`),
      ),
      h("p", { class: "card-prompt", title: clip.prompt }, clip.prompt),
      mayMark ? rating(clip, (change) => onmark(clip, change)) : null,
    ),
  );
  scrub(frame, clip, strip, at, tick);
  return element;
}

/**
 * @param {HTMLElement} frame
 * @param {ClipFacts} clip
 * @param {HTMLElement} strip
 * @param {HTMLElement} at
 * @param {HTMLElement} tick
 */
function scrub(frame, clip, strip, at, tick) {
  if (clip.missing) return;
  let inside = false;
  const leave = () => {
    inside = false;
    strip.hidden = at.hidden = tick.hidden = true;
  };
  frame.addEventListener("pointerenter", () => {
    inside = true;
  });
  frame.addEventListener("pointerleave", leave);
  frame.addEventListener("pointermove", async (event) => {
    const box = frame.getBoundingClientRect();
    const share = Math.max(0, Math.min(0.999, (event.clientX - box.left) / box.width));
    let shape;
    try {
      shape = await geometry(clip.sprite_url);
    } catch {
      return; // the poster stays; the player says why when the take is opened
    }
    if (!inside) return;
    const tile = spriteTile(share, shape);
    strip.hidden = at.hidden = tick.hidden = false;
    strip.style.setProperty("background-image", `url("${clip.sprite_url}")`);
    strip.style.setProperty("background-size", `${shape.columns * 100}% ${shape.rows * 100}%`);
    strip.style.setProperty("background-position", `${tile.x}% ${tile.y}%`);
    strip.style.setProperty("aspect-ratio", `${shape.width} / ${shape.height}`);
    tick.style.setProperty("left", `${share * 100}%`);
    at.textContent = clockcode(shape.t_s?.[tile.index] ?? share * clip.duration_s);
  });
}
