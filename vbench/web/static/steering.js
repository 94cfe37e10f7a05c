// @ts-check
// How takes can be held together in this browser: nudged by their rate, or left to run freely.

/** @typedef {"nudged" | "free"} Steering nudged: brought nearer by small changes of rate; free: never touched while playing */

const SETTLE_MS = 250;
const WATCH_MS = 300;
const NUDGE = 1.03;
const PLAYABLE_MIN = 3; // HAVE_FUTURE_DATA
/** A clip shorter than this ends before anything is known. */
const SHORTEST_S = 1;

/** @type {Steering | null} */
let known = null;
/** @type {Promise<Steering> | null} */
let asked = null;

/**
 * Whether a video went on as before after its rate was changed: WebKit stops for 200 to 400 ms, and then plays with a
 * `readyState` that says it cannot.
 * @param {{readyState: number, frames: number}} before over as long as after
 * @param {{readyState: number, frames: number}} after
 * @returns {Steering}
 */
export function steeringOf(before, after) {
  const wentOn = after.readyState >= Math.min(before.readyState, PLAYABLE_MIN) && after.frames * 2 >= before.frames;
  return wentOn ? "nudged" : "free";
}

/**
 * Try it once a page, on a video that nobody sees; free where it is not known.
 * @param {string} url of a clip that this browser plays
 * @param {number} durationS
 * @returns {Promise<Steering>}
 */
export async function steering(url, durationS) {
  if (known) return known;
  if (durationS < SHORTEST_S) return "free";
  asked ??= probe(url).finally(() => {
    asked = null;
  });
  return asked;
}

/**
 * @param {string} url
 * @returns {Promise<Steering>}
 */
async function probe(url) {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.loop = true;
  video.src = url;
  try {
    await video.play();
    await passed(SETTLE_MS);
    const before = await watched(video);
    video.playbackRate = NUDGE;
    known = steeringOf(before, await watched(video));
    return known;
  } catch {
    return "free"; // it may not play yet: asked again when the next takes are opened
  } finally {
    video.removeAttribute("src");
    video.load();
  }
}

/** @param {HTMLVideoElement} video */
async function watched(video) {
  const frames = video.getVideoPlaybackQuality().totalVideoFrames;
  await passed(WATCH_MS);
  return { readyState: video.readyState, frames: video.getVideoPlaybackQuality().totalVideoFrames - frames };
}

/** @param {number} ms */
function passed(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
