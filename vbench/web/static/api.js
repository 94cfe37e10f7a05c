// @ts-check
// The page's own API over fetch; every failure is an Error with the sentence the server gave.

import { currentLocale } from "./words.js";

/** @import { Answer, Body, QueryOf, PictureFacts, UploadFacts } from "../types/page.js" */

export class ApiError extends Error {
  /**
   * @param {number} status 0: the server could not be reached
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Whether it ended because nobody waits for it any more.
 * @param {unknown} error
 */
export function isAborted(error) {
  return error instanceof Error && error.name === "AbortError";
}

let edition = "";
/** @type {() => void} */
let onOther = () => {};

/**
 * Call `other` once when the server turns out to be of another edition than this page: it was upgraded meanwhile.
 * @param {string} own
 * @param {() => void} other
 */
export function watchEdition(own, other) {
  [edition, onOther] = [own, other];
}

let root = "/api/v1/";

/**
 * Ask elsewhere: guests of a review have an API of their own.
 * @param {string} path
 */
export function setRoot(path) {
  root = path;
}

/** @param {Response} response */
function compareEdition(response) {
  const served = response.headers.get("x-vbench-edition");
  if (!edition || !served || served === edition) return;
  edition = "";
  onOther();
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function send(method, path, body, signal) {
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json", "accept-language": currentLocale() };
  /** @type {RequestInit} */
  const options = { method, signal, credentials: "same-origin", headers };
  if (body instanceof FormData || body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(root + path, options);
  } catch (error) {
    if (isAborted(error)) throw error;
    throw new ApiError(0, "offline");
  }
  compareEdition(response);
  return read(response);
}

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
async function read(response) {
  const isJson = response.status !== 204 && (response.headers.get("content-type") ?? "").includes("json");
  const answer = isJson ? await response.json() : null;
  if (!response.ok) throw new ApiError(response.status, answer?.error ?? `${response.status} ${response.statusText}`);
  return isJson ? answer : response;
}

/** @param {Record<string, unknown>} values */
const encode = (values) => {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== "") query.set(key, String(value));
  }
  const text = query.toString();
  return text ? `?${text}` : "";
};

/**
 * @template {string} const P
 * @param {P} path
 * @param {QueryOf<P>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer<"get", P>>}
 */
export const get = (path, query, signal) => send("GET", path + encode(query ?? {}), undefined, signal);
/**
 * @template {string} const P
 * @param {P} path
 * @param {Body<"post", P>} body
 * @returns {Promise<Answer<"post", P>>}
 */
export const post = (path, body) => send("POST", path, body);
/**
 * @template {string} const P
 * @param {P} path
 * @param {Body<"put", P>} body
 * @returns {Promise<Answer<"put", P>>}
 */
export const put = (path, body) => send("PUT", path, body);
/** @param {string} path */
export const remove = (path) => send("DELETE", path);

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
const wait = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("", "AbortError"));
    });
  });

/**
 * Wait until a derived file (proxy, sprite) is there.
 * @param {string} url
 * @param {{signal?: AbortSignal, onwait?: (seconds: number) => void, headers?: Record<string, string>}} [options]
 *   onwait: called while the server is still making it
 * @returns {Promise<Response>}
 */
export async function ready(url, { signal, onwait = () => {}, headers = {} } = {}) {
  const began = performance.now();
  for (;;) {
    let response;
    try {
      response = await fetch(url, { signal, headers, credentials: "same-origin" });
    } catch (error) {
      if (isAborted(error)) throw error;
      throw new ApiError(0, "offline");
    }
    if (response.status !== 202) {
      if (!response.ok) await read(response);
      return response;
    }
    await response.body?.cancel();
    onwait((performance.now() - began) / 1000);
    await wait(1000 * Math.min(10, Math.max(0.3, Number(response.headers.get("retry-after")) || 1)), signal);
  }
}

/**
 * Send one picture for tools.
 * @param {File} file
 * @returns {Promise<PictureFacts>}
 */
export const uploadPicture = (file) => sendFile("pictures", file, {});

/**
 * Send one clip with progress.
 * @param {File} file
 * @param {{name?: string, onprogress?: (share: number) => void, signal?: AbortSignal}} [options]
 *   name: its path in the folder it came from
 * @returns {Promise<UploadFacts>}
 */
export const upload = (file, options = {}) => sendFile("uploads", file, options);

/**
 * Send one file with progress; fetch cannot tell how far an upload is.
 * @param {"uploads" | "pictures"} path
 * @param {File} file
 * @param {{name?: string, onprogress?: (share: number) => void, signal?: AbortSignal}} options
 * @returns {Promise<any>}
 */
function sendFile(path, file, { name = file.name, onprogress = () => {}, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/${path}${encode({ name: name.slice(-400) })}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => onprogress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(new ApiError(0, "offline"));
    request.onload = () => {
      /** @type {any} */
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        /* a proxy's own page; the status says it */
      }
      if (request.status < 300) resolve(answer);
      else reject(new ApiError(request.status, answer.error ?? `${request.status} ${request.statusText}`));
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
