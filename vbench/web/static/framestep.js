// @ts-check
// Frames and seconds of a clip of constant rate, and a seek that is not done before the frame is on screen.

/**
 * 0-based frame shown at a second; a hair of tolerance, since n / fps is rarely exact in binary.
 * @param {number} localS
 * @param {number} fps
 * @param {number} nFrames
 */
export function frameAt(localS, fps, nFrames) {
  return Math.max(0, Math.min(nFrames - 1, Math.floor(localS * fps + 1e-3)));
}

/**
 * The middle of a frame: a seek to its edge may show its neighbour.
 * @param {number} frame
 * @param {number} fps
 */
export function frameCentre(frame, fps) {
  return (frame + 0.5) / fps;
}

/**
 * `HH:MM:SS:FF`, frames counted at the rate and none dropped, as editing programs have it.
 * @param {number} timeS
 * @param {number} fps
 */
export function timecode(timeS, fps) {
  const frame = Math.max(0, Math.floor((timeS + 6e-4) * fps)); // moments are told to the millisecond
  const rate = Math.max(1, Math.round(fps));
  const parts = [frame / (rate * 3600), (frame / (rate * 60)) % 60, (frame / rate) % 60, frame % rate];
  return parts.map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
}

/**
 * `m:ss.mmm` of the common clock.
 * @param {number} timeS
 */
export function clockcode(timeS) {
  const ms = Math.max(0, Math.round(timeS * 1000));
  return `${Math.floor(ms / 60000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;
}

/**
 * Show one frame, and resolve with the frame that is really on screen.
 *
 * requestVideoFrameCallback says which frame was presented: by its first moment, or (Firefox) by the moment sought.
 * Without it the position after `seeked` has to do.
 * @returns {Promise<number>} NaN where nothing was shown in time
 * @param {HTMLVideoElement} video
 * @param {number} frame
 * @param {number} fps
 * @param {number} [timeoutMs]
 */
export function showFrame(video, frame, fps, timeoutMs = 1500) {
  const target = frameCentre(frame, fps);
  return new Promise((resolve) => {
    let request = 0;
    const timer = setTimeout(() => finish(NaN), timeoutMs);
    /** @param {number} shown */
    const finish = (shown) => {
      clearTimeout(timer);
      if (request && video.cancelVideoFrameCallback) video.cancelVideoFrameCallback(request);
      video.removeEventListener("seeked", onSeeked);
      resolve(shown);
    };
    const onSeeked = () => {
      if (!video.requestVideoFrameCallback) finish(frameAt(video.currentTime, fps, Infinity));
    };
    if (video.requestVideoFrameCallback) {
      /** @type {VideoFrameRequestCallback} */
      const onFrame = (_now, metadata) => {
        const shown = frameAt(metadata.mediaTime, fps, Infinity);
        if (shown === frame) finish(shown);
        else request = video.requestVideoFrameCallback(onFrame); // a frame from before the seek
      };
      request = video.requestVideoFrameCallback(onFrame);
    }
    video.addEventListener("seeked", onSeeked);
    video.currentTime = target;
  });
}
