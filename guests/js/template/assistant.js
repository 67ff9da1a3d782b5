// Counts the weeks of its thread: a place to start from.

import { define } from "./wakeful.js";

export const { assistant, metadata } = define({
  name: "{{name}}",
  description: "Counts the weeks of its thread",
  run(run) {
    const week = (run.values.week ?? 0) + 1;
    return run.reply(`This is week ${week}.`, { week });
  },
});
