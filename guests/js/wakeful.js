// Write an assistant for Wakeful in JavaScript.
//
//     import { define } from "./wakeful.js";
//
//     export const { assistant, metadata } = define({
//       name: "weekly",
//       description: "Counts weeks",
//       run(run) {
//         const week = (run.values.week ?? 0) + 1;
//         return run.reply(`This is week ${week}.`, { week });
//       },
//     });
//
// The module with these lines is what componentize-qjs or componentize-js is given, for the world
// `described-assistant-plugin`. Values are kept only if the run succeeds.

import { log } from "wakeful:assistant/log@0.1.0";
import { values } from "wakeful:assistant/thread@0.1.0";

/**
 * Fails the run, and leaves the thread as it was. `code` is one of the contract's, such as
 * "invalid-input" or "unavailable"; `retryable` says that another try may succeed.
 */
export class Failure extends Error {
  constructor(message, { code = "internal", retryable = false } = {}) {
    super(message);
    Object.assign(this, { code, retryable });
  }
}

/** One run: why it happens, what it is given, and what its thread holds. */
export class Run {
  constructor(info, input) {
    this.id = info.runId;
    this.threadId = info.threadId;
    this.assistantId = info.assistantId;
    /** 1 for the first try of this run. */
    this.attempt = info.attempt;
    this.deadline = info.deadline ?? null;
    this.metadata = JSON.parse(info.metadata) ?? {};
    /** What the caller or the cron hands in; always an object. */
    this.input = inputOf(input);
    /** What the last successful run on the thread left; always an object. */
    this.values = JSON.parse(values()) ?? {};
    const { tag, val } = info.trigger;
    /** If a cron fired: the instant that its schedule named, and how many it stands for. */
    this.scheduledAt = tag === "cron" ? val.scheduledAt : null;
    this.missed = tag === "cron" ? val.missed : 0;
    /** Answers to the questions of an earlier invocation, by their ids. */
    this.answers = Object.fromEntries(
      tag === "resume" ? val.map((answer) => [answer.interruptId, JSON.parse(answer.value)]) : [],
    );
  }

  /** The messages that the input brings. */
  get messages() {
    return this.input.messages ?? [];
  }

  /** What the user says in the messages that the input brings. */
  get said() {
    return this.messages.map(userText).filter((text) => text !== null);
  }

  /** The thread's values with these changes, and the conversation in `messages` gone on. */
  reply(text, changes = {}) {
    const said = { role: "assistant", content: text };
    const messages = [...(this.values.messages ?? []), ...this.messages, said];
    return { ...this.values, ...changes, messages };
  }
}

/** What a message says, if a user says it, in OpenAI's notation or LangChain's; else null. */
export function userText(message) {
  if (!["user", "human"].includes(message?.role ?? message?.type)) return null;
  const parts = Array.isArray(message.content) ? message.content : [message.content ?? ""];
  return parts.map((part) => (typeof part === "string" ? part : (part?.text ?? ""))).join("");
}

/** Logs a line, which is kept with the run: `write("info", "three feeds read", { feeds: 3 })`. */
export function write(level, message, fields = {}) {
  const list = Object.entries(fields).map(([key, value]) => ({ key, value: String(value) }));
  log(level, message, list);
}

/** Questions for a person or another system: `ask({ id: "sure", payload: "Delete it?" })`. */
export function ask(...questions) {
  return new Questions(questions);
}

class Questions {
  constructor(list) {
    this.list = list;
  }
}

/**
 * Makes the exports of an assistant. `run` returns the thread's new values, which replace the old
 * ones as a whole, or what `ask` returns; then the run goes on from its beginning once they are
 * answered, with the answers in `run.answers`. Built with componentize-js, it may be `async`.
 */
export function define({ name, description = "", version = "0.1.0", schemas = {}, run }) {
  return {
    assistant: {
      invoke(info, input) {
        try {
          const result = run(new Run(info, input));
          // With `fetch` there is something to wait for.
          return result instanceof Promise ? settled(result) : outcomeOf(result);
        } catch (error) {
          throw errorOf(error);
        }
      },
    },
    metadata: {
      describe() {
        const text = (schema) => (schema === undefined ? undefined : JSON.stringify(schema));
        return {
          name,
          description,
          version,
          inputSchema: text(schemas.input),
          outputSchema: text(schemas.output),
          configSchema: text(schemas.config),
        };
      },
    },
  };
}

async function settled(promise) {
  try {
    return outcomeOf(await promise);
  } catch (error) {
    throw errorOf(error);
  }
}

function inputOf(text) {
  const input = JSON.parse(text) ?? {};
  if (typeof input !== "object" || Array.isArray(input))
    throw new Failure('the input must be a JSON object, such as {"messages": []}', { code: "invalid-input" });
  if (!Array.isArray(input.messages ?? []))
    throw new Failure("`messages` in the input must be a list", { code: "invalid-input" });
  return input;
}

function outcomeOf(result) {
  if (result instanceof Questions) {
    const val = result.list.map(({ id, reason = "question", payload, answerSchema }) => ({
      id,
      reason,
      payload: JSON.stringify(payload ?? null),
      answerSchema: answerSchema === undefined ? undefined : JSON.stringify(answerSchema),
    }));
    return { tag: "interrupted", val };
  }
  if (result === null || typeof result !== "object")
    throw new Failure("a run returns the thread's new values, such as `run.reply(…)`, or `ask(…)`");
  return { tag: "done", val: JSON.stringify(result) };
}

// What the contract calls an error, of whatever was thrown.
function errorOf(error) {
  // What a call of the host was refused with goes on as it is.
  if (error?.payload?.code) return error.payload;
  if (error instanceof Failure)
    return { code: error.code, message: error.message, retryable: error.retryable };
  log("error", String(error?.stack ?? ""), []);
  return { code: "internal", message: String(error), retryable: false };
}
