"""Counts the weeks of its thread: a place to start from."""

import wakeful


def run(run: wakeful.Run) -> wakeful.Outcome:
    week = run.values.get("week", 0) + 1
    return run.reply(f"This is week {week}.", week=week)


Assistant, Metadata = wakeful.export(run, name="{{name}}", description="Counts the weeks of its thread")
