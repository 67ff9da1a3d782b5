// Every method that both official JS clients have.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, everything, question, until, versions } from "./both.mjs";

for (const version of versions) {
  const client = await connect(version);
  const mine = { client: version };

  test(`client ${version}: every method of assistants`, async () => {
    const { assistants } = client;
    const made = await assistants.create({
      graphId: "echo",
      context: { tone: "dry" },
      metadata: mine,
      name: `Echo for JS ${version}`,
    });
    const id = made.assistant_id;
    assert.equal((await assistants.get(id)).name, `Echo for JS ${version}`);
    await assert.rejects(assistants.create({ graphId: "echo", assistantId: id }), /409/);
    const changed = await assistants.update(id, { metadata: { more: true } });
    assert.equal(changed.version, 2);
    assert.deepEqual((await assistants.getVersions(id)).map((one) => one.version), [2, 1]);
    assert.deepEqual((await assistants.setLatest(id, 1)).metadata, mine);
    const found = await assistants.search({ metadata: mine, graphId: "echo", limit: 5 });
    assert.ok(found.some((one) => one.assistant_id === id));
    assert.ok((await assistants.count({ metadata: mine })) >= 1);
    assert.ok((await assistants.getGraph(id)).nodes.length > 0);
    assert.equal((await assistants.getSchemas(id)).graph_id, "echo");
    assert.deepEqual(await assistants.getSubgraphs(id), {});
    await assistants.delete(id);
    await assert.rejects(assistants.get(id), /404/);
    assert.deepEqual(assistants.leftOut(), []);
  });

  test(`client ${version}: every method of threads`, async () => {
    const { threads, runs } = client;
    const { thread_id: thread } = await threads.create({ metadata: mine, ttl: 60 });
    assert.deepEqual((await threads.get(thread)).metadata, mine);
    assert.equal((await threads.update(thread, { metadata: { more: 1 } })).metadata.more, 1);
    await runs.wait(thread, "echo", { input: question("one") });
    await runs.wait(thread, "echo", { input: question("two") });
    const state = await threads.getState(thread);
    assert.equal(state.values.count, 2);
    assert.deepEqual((await threads.getState(thread, state.checkpoint)).values, state.values);
    const history = await threads.getHistory(thread);
    assert.deepEqual(history.slice(0, 2).map((entry) => entry.values.count), [2, 1]);
    const before = { configurable: state.checkpoint };
    const older = await threads.getHistory(thread, { before, limit: 1 });
    assert.deepEqual(older.map((entry) => entry.values.count), [1]);
    const updated = await threads.updateState(thread, { values: { count: 40 }, asNode: "echo" });
    assert.ok(updated.configurable.checkpoint_id);
    assert.equal((await threads.getState(thread)).values.count, 40);
    // The peer takes no PATCH of a state either; the client has the method all the same.
    await assert.rejects(threads.patchState(thread, { reviewed: true }), /405/);
    const copied = (await threads.copy(thread)).thread_id;
    assert.equal((await threads.getState(copied)).values.count, 40);
    const search = { metadata: mine, status: "idle", sortBy: "created_at", limit: 100 };
    const found = (await threads.search(search)).map((one) => one.thread_id);
    assert.ok(found.includes(thread) && found.includes(copied));
    assert.ok((await threads.count({ metadata: mine })) >= 2);

    const events = [];
    const leave = new AbortController();
    for await (const part of threads.joinStream(thread, { lastEventId: "0", signal: leave.signal })) {
      events.push(part.event);
      if (part.data?.status === "run_done") break;
    }
    leave.abort();
    assert.ok(events.includes("values"), events.join());

    if (threads.leftOut().includes("stream")) {
      await talk(threads);
      await stop(threads, client.runs);
    }
    if (threads.leftOut().includes("prune")) {
      assert.equal((await threads.prune([copied])).pruned_count, 1);
    }
    await threads.delete(thread);
    await assert.rejects(threads.get(thread), /404/);
    assert.deepEqual(threads.leftOut(), []);
  });

  test(`client ${version}: every method of runs`, async () => {
    const { threads, runs } = client;
    const { thread_id: thread } = await threads.create();
    const created = await runs.create(thread, "echo", { input: question(), metadata: mine });
    assert.equal((await runs.join(thread, created.run_id)).count, 1);
    const run = await runs.get(thread, created.run_id);
    assert.deepEqual([run.status, run.metadata.client], ["success", version]);
    assert.equal((await runs.wait(thread, "echo", { input: question() })).count, 2);
    assert.equal((await runs.wait(null, "echo", { input: question() })).count, 1);
    assert.equal((await runs.list(thread, { limit: 1, status: "success" })).length, 1);
    const batch = await runs.createBatch([
      { assistantId: "echo", input: question() },
      { assistantId: "echo", input: {} },
    ]);
    assert.equal(new Set(batch.map((one) => one.run_id)).size, 2);

    const parts = await everything(
      runs.stream(thread, "echo", {
        input: { custom: 2, ...question("stream") },
        streamMode: ["values", "custom", "messages-tuple", "updates"],
        streamResumable: true,
      }),
    );
    assert.equal(parts[0].event, "metadata");
    assert.equal(parts.filter((part) => part.event === "custom").length, 2);
    const values = parts.filter((part) => part.event === "values");
    assert.equal(values.at(-1).data.messages.at(-1).content, "echo: stream");
    const told = parts.map(({ id, event, data }) => ({ id, event, data }));
    const again = await everything(
      runs.joinStream(thread, parts[0].data.run_id, { lastEventId: "0" }),
    );
    assert.deepEqual(again.map(({ id, event, data }) => ({ id, event, data })), told);
    const alone = await everything(runs.stream(null, "echo", { input: question() }));
    assert.equal(alone.at(-1).data.count, 1);
    const failed = await everything(runs.stream(null, "echo", { input: { fail: "no milk" } }));
    assert.deepEqual([failed.at(-1).event, failed.at(-1).data.message], ["error", "no milk"]);

    const slow = await runs.create(thread, "echo", { input: { sleep: 30 } });
    await assert.rejects(
      runs.create(thread, "echo", { input: {}, multitaskStrategy: "reject" }),
      /409/,
    );
    await runs.cancel(thread, slow.run_id, true);
    assert.equal((await runs.get(thread, slow.run_id)).status, "interrupted");
    if (runs.leftOut().includes("cancelMany")) {
      const next = await runs.create(thread, "echo", { input: { sleep: 30 } });
      await runs.cancelMany({ threadId: thread, runIds: [next.run_id] });
      await until(async () => (await runs.get(thread, next.run_id)).status === "interrupted");
    }
    await runs.delete(thread, created.run_id);
    await assert.rejects(runs.get(thread, created.run_id), /404/);
    assert.deepEqual(runs.leftOut(), []);
  });

  test(`client ${version}: every method of crons`, async () => {
    const { threads, crons } = client;
    const { thread_id: thread } = await threads.create();
    const schedule = "0 9 * * MON";
    const onThread = await crons.createForThread(thread, "echo", { schedule, input: question() });
    const stateless = await crons.create("echo", { schedule, input: {}, metadata: mine });
    const id = stateless.cron_id;
    assert.equal((await crons.update(id, { enabled: false })).enabled, false);
    assert.equal((await crons.update(id, { enabled: true })).enabled, true);
    const found = await crons.search({ threadId: thread });
    assert.deepEqual(found.map((cron) => cron.cron_id), [onThread.cron_id]);
    assert.ok((await crons.count({ assistantId: stateless.assistant_id })) >= 2);
    await crons.delete(id);
    await assert.rejects(crons.delete(id), /404/);
    await threads.delete(thread);
    assert.deepEqual(crons.leftOut(), []);
  });

  test(`client ${version}: every method of store`, async () => {
    const { store } = client;
    const home = ["js", version];
    await store.putItem(home, "ann", { age: 20 }, { ttl: 60 });
    await store.putItem(home, "bob", { age: 21 });
    assert.deepEqual((await store.getItem(home, "bob")).value, { age: 21 });
    assert.equal(await store.getItem(home, "nobody"), null);
    const { items } = await store.searchItems(home, { filter: { age: { $gt: 20 } } });
    assert.deepEqual(items.map((item) => item.key), ["bob"]);
    const { namespaces } = await store.listNamespaces({ prefix: home });
    assert.deepEqual(namespaces, [home]);
    for (const key of ["ann", "bob"]) await store.deleteItem(home, key);
    assert.deepEqual((await store.searchItems(home)).items, []);
    assert.deepEqual(store.leftOut(), []);
  });
}

/** The thread-centric stream: starts a run that asks, answers it, and reads the output. */
async function talk(threads) {
  for (const transport of ["sse", "websocket"]) {
    const session = threads.stream({ assistantId: "echo", transport });
    try {
      await session.submitRun({ input: { ask: "Sure?", sleep: 0.3, ...question() } });
      await until(() => session.interrupts.length > 0);
      const [{ interruptId, namespace }] = session.interrupts;
      await session.respondInput({
        interrupt_id: interruptId,
        namespace: namespace ?? [],
        response: "yes",
      });
      assert.equal((await session.output).answer, "yes");
    } finally {
      await session.close();
    }
  }
}

/** The output of a run that is cancelled, whether it has begun or not, is no wait for ever. */
async function stop(threads, runs) {
  for (const transport of ["sse", "websocket"]) {
    for (const begins of [true, false]) {
      const { thread_id: threadId } = await threads.create();
      if (!begins) await runs.create(threadId, "echo", { input: { sleep: 60 } });
      const session = threads.stream(threadId, { assistantId: "echo", transport });
      try {
        const { run_id: run } = await session.submitRun({ input: { sleep: 60 } });
        let ended = false;
        const end = () => (ended = true);
        session.output.then(end, end);
        if (begins) await until(async () => (await runs.get(threadId, run)).status === "running");
        assert.equal(ended, false);
        await runs.cancel(threadId, run);
        await until(() => ended);
      } finally {
        await session.close();
      }
      await threads.delete(threadId);
    }
  }
}
