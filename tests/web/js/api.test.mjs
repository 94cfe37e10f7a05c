// The page's own API: errors as sentences, and a server that was upgraded while the page was open.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import * as api from "../../../vbench/web/static/api.js";

const { fetch } = globalThis;
const answering = (edition, { status = 200, body = {} } = {}) => {
  globalThis.fetch = async () =>
    new Response(JSON.stringify(body), {
      status,
      headers: { "content-type": "application/json", ...(edition && { "x-vbench-edition": edition }) },
    });
};
afterEach(() => {
  globalThis.fetch = fetch;
});

test("an upgrade of the server is told of once, whatever the answer", async () => {
  let told = 0;
  api.watchEdition("1.0+abc", () => {
    told += 1;
  });
  answering("1.0+abc");
  await api.get("bench");
  answering(""); // a proxy's own answer
  await api.get("bench");
  assert.equal(told, 0);
  answering("1.1+abc", { status: 422, body: { error: "unknown field" } });
  await assert.rejects(api.post("notes", {}), /unknown field/);
  assert.equal(told, 1);
  await assert.rejects(api.post("notes", {}), /unknown field/);
  assert.equal(told, 1);
});

test("what the server says is the error; without a word of its own, its status", async () => {
  answering("", { status: 503, body: { error: "another process is writing" } });
  await assert.rejects(
    api.get("clips"),
    (error) => error.status === 503 && error.message === "another process is writing",
  );
  globalThis.fetch = async () => new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway" });
  await assert.rejects(api.get("clips"), (error) => error.status === 502 && error.message === "502 Bad Gateway");
  globalThis.fetch = async () => {
    throw new TypeError("network");
  };
  await assert.rejects(api.get("clips"), (error) => error.status === 0);
});

test("a request that nobody waits for any more is no failure", () => {
  assert.ok(api.isAborted(new DOMException("", "AbortError")));
  assert.ok(!api.isAborted(new api.ApiError(0, "offline")));
  assert.ok(!api.isAborted(undefined));
});
