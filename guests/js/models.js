// Language models, by the names that the operator granted.
//
//     import { Chat } from "./models.js";
//
//     const answer = new Chat("fast", { system: "Be brief." }).user("Why is the sky blue?").say();
//
// A component that has this module imports `wakeful:assistant/chat`.

import { complete, models as granted, open } from "wakeful:assistant/chat@0.1.0";
import { emit } from "wakeful:assistant/events@0.1.0";

/** The models that this assistant is granted. */
export function models() {
  return granted();
}

/** A question for a language model. */
export class Chat {
  /** `options`: `system`, `messages`, `tools`, `schema`, `temperature`, `maxTokens` and `stop`. */
  constructor(model, { system, messages = [], tools, schema, temperature, maxTokens, stop } = {}) {
    this.model = model;
    this.messages = system === undefined ? [...messages] : [{ role: "system", content: system }, ...messages];
    this.settings = { tools, response_schema: schema, temperature, max_tokens: maxTokens, stop };
  }

  /** Says something to the model. */
  user(text) {
    this.messages.push({ role: "user", content: text });
    return this;
  }

  /** Goes on after an answer, with what came of its tool calls, by their ids. */
  answered(answer, results = {}) {
    this.messages.push({ role: "assistant", content: answer.text, tool_calls: answer.toolCalls });
    for (const [id, content] of Object.entries(results))
      this.messages.push({ role: "tool", tool_call_id: id, content });
    return this;
  }

  /** Asks, and waits for the whole answer. */
  ask() {
    return answerOf(complete(this.model, this.#request()));
  }

  /** Asks, and hands out the text piece by piece; what the generator returns is the answer. */
  *stream() {
    const stream = open(this.model, this.#request());
    try {
      for (let piece = stream.next(); piece != null; piece = stream.next()) yield JSON.parse(piece).content ?? "";
      return answerOf(stream.answer());
    } finally {
      // Else the answer would come in until the garbage is collected.
      stream[Symbol.dispose ?? Symbol.for("dispose")]?.();
    }
  }

  /** Asks, and passes the answer on to whoever watches the run, while it comes. */
  say() {
    const stream = this.stream();
    for (;;) {
      const { done, value } = stream.next();
      if (done) return value;
      emit({ tag: "text-delta", val: value });
    }
  }

  #request() {
    // What is undefined is left out.
    return JSON.stringify({ messages: this.messages, ...this.settings });
  }
}

function answerOf(text) {
  const { content, tool_calls, finish_reason, usage, model } = JSON.parse(text);
  return { text: content, toolCalls: tool_calls, finishReason: finish_reason, usage, model };
}
