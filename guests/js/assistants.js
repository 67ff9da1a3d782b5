// Other assistants, as far as the operator grants them.
//
//     import { invoke } from "./assistants.js";
//
//     const { values } = invoke("echo", { messages: [{ role: "user", content: "hi" }] });
//
// A component that has this module imports `wakeful:assistant/calls`.

import { assistants, invoke as call, start as begin } from "wakeful:assistant/calls@0.1.0";

/** The assistants that may be called. */
export function granted() {
  return assistants();
}

/**
 * Runs an assistant and waits for its end: an object with `run_id`, `status`, and its `values` or,
 * where it asks questions, `interrupts`. Throws if it fails.
 */
export function invoke(assistant, input = {}) {
  return JSON.parse(call(assistant, JSON.stringify(input)));
}

/** Starts an assistant, and returns the id of its run, which outlives this one. */
export function start(assistant, input = {}) {
  return begin(assistant, JSON.stringify(input));
}
