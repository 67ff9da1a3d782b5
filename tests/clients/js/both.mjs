// What the tests of both JS clients share.

import assert from "node:assert/strict";

export const url = process.env.WAKEFUL_URL;
export const versions = ["1", "2"];

/** What every part of a client inherits, and no user calls. */
const inherited = ["constructor", "prepareFetchOptions", "fetch", "streamWithRetry"];

/** A client whose parts note which of their methods were called. */
export async function connect(version) {
  const { Client } = await import(`langgraph-sdk-${version}`);
  const client = new Client({ apiUrl: url });
  const noted = {};
  for (const name of ["assistants", "threads", "runs", "crons", "store"]) {
    noted[name] = note(client[name]);
  }
  return noted;
}

function note(part) {
  const called = new Set();
  return new Proxy(part, {
    get(target, name) {
      if (name === "leftOut") {
        return () => methods(target).filter((method) => !called.has(method));
      }
      const found = target[name];
      if (typeof found !== "function") return found;
      called.add(name);
      return found.bind(target);
    },
  });
}

function methods(part) {
  const prototype = Object.getPrototypeOf(part);
  return Object.getOwnPropertyNames(prototype).filter(
    (name) => typeof prototype[name] === "function" && !inherited.includes(name),
  );
}

export function question(text = "hello") {
  return { messages: [{ role: "user", content: text }] };
}

export async function everything(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

export async function until(condition) {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, "the condition did not come true in 20 seconds");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
