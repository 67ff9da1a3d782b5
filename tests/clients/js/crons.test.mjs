// What the LangGraph documentation shows about crons, through both official JS clients.

import assert from "node:assert/strict";
import { test } from "node:test";

const url = process.env.WAKEFUL_URL;
const question = { messages: [{ role: "user", content: "What time is it?" }] };

for (const version of ["1", "2"]) {
  const { Client } = await import(`langgraph-sdk-${version}`);
  const client = new Client({ apiUrl: url });

  test(`client ${version}: the documented cron page works unchanged`, async () => {
    const assistants = await client.assistants.search({ graphId: "clock" });
    assert.deepEqual(assistants.map((assistant) => assistant.name), ["clock"]);
    const assistantId = "clock";

    const thread = await client.threads.create();
    const cronJob = await client.crons.createForThread(thread["thread_id"], assistantId, {
      schedule: "27 15 * * *",
      input: question,
    });
    assert.equal(cronJob["thread_id"], thread["thread_id"]);
    assert.match(cronJob["next_run_date"], /T15:27:00\+00:00$/);
    await client.crons.delete(cronJob["cron_id"]);

    const stateless = await client.crons.create(assistantId, {
      schedule: "27 15 * * *",
      input: question,
    });
    assert.equal(stateless["thread_id"], null);
    await client.crons.delete(stateless["cron_id"]);
    await assert.rejects(client.crons.delete(stateless["cron_id"]), /404/);
  });

  test(`client ${version}: a thread goes on from run to run`, async () => {
    const thread = await client.threads.create({ metadata: { topic: "greeting" } });
    const first = await client.runs.wait(thread["thread_id"], "echo", { input: question });
    assert.equal(first["count"], 1);
    const second = await client.runs.wait(thread["thread_id"], "echo", { input: question });
    assert.equal(second["count"], 2);
    const state = await client.threads.getState(thread["thread_id"]);
    assert.deepEqual(state.values, second);
    const history = await client.threads.getHistory(thread["thread_id"]);
    assert.deepEqual(history.map((entry) => entry.values.count), [2, 1]);
    await client.threads.delete(thread["thread_id"]);
    await assert.rejects(client.threads.get(thread["thread_id"]), /404/);
  });

  test(`client ${version}: runs are created, joined, listed and cancelled`, async () => {
    const { thread_id: thread } = await client.threads.create();
    const slow = await client.runs.create(thread, "echo", { input: { sleep: 30 } });
    await client.runs.cancel(thread, slow["run_id"], true);
    assert.equal((await client.runs.get(thread, slow["run_id"])).status, "interrupted");
    const quick = await client.runs.create(thread, "echo", { input: question });
    assert.equal((await client.runs.join(thread, quick["run_id"]))["count"], 1);
    const ids = (await client.runs.list(thread)).map((run) => run["run_id"]);
    assert.deepEqual(ids, [quick["run_id"], slow["run_id"]]);
  });

  test(`client ${version}: a bad cron is refused with the reason`, async () => {
    const bad = client.crons.create("echo", { schedule: "0 0 31 2 *", input: {} });
    await assert.rejects(bad, /enabled=false/);
  });
}
