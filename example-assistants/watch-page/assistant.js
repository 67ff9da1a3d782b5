// Watch Page tells what has changed on a page of the web since it looked last.
//
// Its input names the page once, `{"url": "https://example.com/prices"}`, whose host has to be granted in
// `watch-page.toml`; the thread remembers it, and the words that the page had. A cron on a thread makes it look again
// and again. If the page cannot be read the run fails, may be tried again, and the thread stays as it was.

import { define, Failure, write } from "../../guests/js/wakeful.js";

// What is remembered of a page, and told of a change.
const REMEMBERED = 2_000;
const TOLD = 20;
const LETTERS = 200;

export const { assistant, metadata } = define({
  name: "Watch Page",
  description: "Tells what has changed on a page of the web since it looked last",
  schemas: {
    input: {
      type: "object",
      properties: { url: { type: "string", description: "The page to watch, if it is not the one of the last run" } },
    },
  },
  async run(run) {
    const url = run.input.url ?? run.values.url;
    if (typeof url !== "string" || !/^https?:\/\//.test(url))
      throw new Failure('name a page: {"url": "https://example.com/prices"}', { code: "invalid-input" });
    const lines = linesOf(await read(url)).slice(0, REMEMBERED);
    const before = url === run.values.url ? run.values.lines : null;
    const { text, changes } = before === null ? { text: `Watching ${url}.`, changes: 0 } : told(url, before, lines);
    write("info", "page read", { url, lines: lines.length, changes });
    return run.reply(text, { url, lines, changes: (run.values.changes ?? 0) + (changes > 0 ? 1 : 0) });
  },
});

async function read(url) {
  let answer;
  try {
    answer = await fetch(url, { headers: { accept: "text/html, text/plain;q=0.9, */*;q=0.1" } });
  } catch (error) {
    throw new Failure(`${url} cannot be reached, or is not granted; the log of the run says more`, {
      code: "unavailable",
      retryable: true,
    });
  }
  if (!answer.ok)
    throw new Failure(`${url} answers with status ${answer.status}`, { code: "unavailable", retryable: true });
  return answer.text();
}

// The words of a page, block by block, without what only a browser reads.
function linesOf(page) {
  return page
    .replace(/<(script|style|template|svg)\b[\s\S]*?<\/\1\s*>|<!--[\s\S]*?-->/gi, " ")
    .replace(/<\/?(p|div|li|tr|h[1-6]|br|section|article|td|th|title)\b[^>]*>/gi, "\n")
    .replace(/<[^>]*>/g, " ")
    .replace(/&(#\d+|#x[\da-f]+|\w+);/gi, (whole, name) => character(name) ?? whole)
    .split("\n")
    .map((line) => line.replace(/\s+/g, " ").trim().slice(0, LETTERS))
    .filter((line) => line !== "");
}

function character(name) {
  const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };
  if (!name.startsWith("#")) return named[name.toLowerCase()];
  const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

function told(url, before, now) {
  const gone = without(before, now);
  const come = without(now, before);
  const changes = gone.length + come.length;
  if (changes === 0) return { text: `${url} is as it was.`, changes };
  const shown = [...gone.map((line) => `- ${line}`), ...come.map((line) => `+ ${line}`)];
  const rest = shown.length > TOLD ? [`… and ${shown.length - TOLD} more`] : [];
  return { text: [`${url} has changed:`, ...shown.slice(0, TOLD), ...rest].join("\n"), changes };
}

function without(lines, others) {
  const known = new Set(others);
  return lines.filter((line) => !known.has(line));
}
