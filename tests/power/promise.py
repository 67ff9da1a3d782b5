"""What has to be true after any number of cuts."""

import datetime
import threading

from server import eventually

SECOND = datetime.timedelta(seconds=1)
# How long after its end a run may still count as going on: until its end is on a slow disk.
WRITTEN = datetime.timedelta(seconds=5)


class Acknowledged:
    """What clients were told is done."""

    def __init__(self):
        self.lock = threading.Lock()
        self.done = {"threads": set(), "runs": set(), "crons": set()}
        # What was found once, and is only looked for again at random.
        self.found = set()

    def add(self, kind, name):
        with self.lock:
            self.done[kind].add(name)

    def count(self):
        return sum(len(names) for names in self.done.values())


def check(server, known):
    """Everything that was acknowledged is there, and every run ends."""
    for kind, names in known.done.items():
        for name in names - known.found:
            if kind == "runs":
                thread, run = name
                path = f"/threads/{thread}/runs/{run}"
                eventually(f"run {run} ends", lambda: server.get(path)["status"] == "success")
            elif kind == "threads":
                server.get(f"/threads/{name}")
            else:
                server.get(f"/runs/crons/{name}")
            known.found.add(name)


def check_crons(server, crons, cuts):
    for cron, thread in crons:
        # It catches up before it is asked to fire no more.
        eventually("the cron has caught up", lambda: late(server, cron) < 2 * SECOND)
        server.patch(f"/runs/crons/{cron}", {"enabled": False})
        fires = sorted(all_fires(server, cron), key=lambda fire: instant(fire["scheduled_at"]))
        assert cuts < len(fires), f"{cron} hardly fired"
        runs = check_fires(server, cron, fires)
        if thread:
            # The thread counts its invocations; every run has left exactly one mark.
            count = server.get(f"/threads/{thread}/state")["values"]["count"]
            assert count == runs, f"{count} marks of {runs} runs"


def check_fires(server, cron, fires):
    """Each second has one record, and each record a run, which succeeded, or a good reason for none."""
    created = instant(server.get(f"/runs/crons/{cron}")["created_at"])
    expected = created.replace(microsecond=0) + SECOND
    runs = set()
    ended = created
    for fire in fires:
        scheduled = instant(fire["scheduled_at"])
        missed = fire["coalesced"]
        first = instant(missed["first"]) if missed else scheduled
        assert first == expected, f"{expected} is not the first of {fire}"
        assert (missed["count"] if missed else 0) == (scheduled - first).seconds, fire
        expected = scheduled + SECOND
        if fire["status"] == "skipped":
            assert fire["reason"] == "overlap", fire
            assert instant(fire["recorded_at"]) <= ended + WRITTEN, f"no run was going on then: {fire}"
            continue
        run = fire["run_id"]
        assert run not in runs, f"two fires name run {run}"
        runs.add(run)
        eventually(f"run {run} ends", lambda: server.get(f"/runs/{run}")["status"] == "success")
        ended = instant(server.get(f"/runs/{run}")["updated_at"])
    recorded = {run["run_id"] for run in server.get(f"/runs?cron_id={cron}&limit=1000")}
    assert recorded == runs, f"the runs of {cron} are not those of its fires"
    return len(runs)


def late(server, cron):
    newest = max(instant(fire["scheduled_at"]) for fire in all_fires(server, cron))
    return datetime.datetime.now(datetime.timezone.utc) - newest


def all_fires(server, cron):
    return server.get(f"/runs/crons/{cron}/fires?limit=1000")


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
