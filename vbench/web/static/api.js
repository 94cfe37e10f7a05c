// The page's own API over fetch; every failure is an Error with the sentence the server gave.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let edition = "";
let onOther = () => {};

/** Call `other` once when the server turns out to be of another edition than this page: it was upgraded meanwhile. */
export function watchEdition(own, other) {
  [edition, onOther] = [own, other];
}

function compareEdition(response) {
  const found = response.headers.get("x-vbench-edition");
  if (!edition || !found || found === edition) return;
  edition = "";
  onOther();
}

async function send(method, path, body, signal) {
  const options = { method, signal, credentials: "same-origin", headers: { accept: "application/json" } };
  if (body instanceof FormData || body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "offline");
  }
  compareEdition(response);
  return read(response);
}

async function read(response) {
  const isJson = (response.headers.get("content-type") ?? "").includes("json");
  const answer = isJson ? await response.json() : null;
  if (!response.ok) throw new ApiError(response.status, answer?.error ?? `${response.status} ${response.statusText}`);
  return isJson ? answer : response;
}

const encode = (values) => {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== "") query.set(key, value);
  }
  const text = query.toString();
  return text ? `?${text}` : "";
};

export const get = (path, query = {}, signal = undefined) => send("GET", path + encode(query), undefined, signal);
export const post = (path, body) => send("POST", path, body);
export const put = (path, body) => send("PUT", path, body);
export const remove = (path) => send("DELETE", path);

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
 * @param {(seconds: number) => void} onwait called while the server is still making it
 */
export async function ready(url, { signal, onwait = () => {}, headers = {} } = {}) {
  const began = performance.now();
  for (;;) {
    let response;
    try {
      response = await fetch(url, { signal, headers, credentials: "same-origin" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
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

/** Send one file with progress; fetch cannot tell how far an upload is. */
export function upload(file, { onprogress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/uploads${encode({ name: file.name })}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => onprogress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(new ApiError(0, "offline"));
    request.onload = () => {
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
