"""News Digest writes the day's digest of RSS and Atom feeds.

Its input names the feeds, `{"feeds": {"Example": "https://example.com/feed.xml"}}`, whose hosts have
to be granted in `news-digest.toml`; a feed may also stand there as it is, or in the files of the
thread, as `/feeds/Example.xml`. Of each entry that it has not seen before it takes the title, the
link and the first sentences; with a language model granted, that one says first what it is all
about. The digest is its reply and stays in `/digests/2030-01-01.md`; what it
has seen, in `/seen.json`. Both are kept only if the run succeeds, so that a run which fails loses
no news.
"""

import html
import json
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree

import wakeful
from componentize_py_types import Err
from wakeful_http import fetch

ROOT = Path("/")
SEEN = ROOT / "seen.json"

# What an entry contributes, and how many ids are remembered: entries leave their feeds some day.
SENTENCES = 2
LETTERS = 300
# How many entries a model is told of, and how much it is to say.
ASKED = 100
WORDS = 100
EDITOR = f"""You write the lead of a digest of news: what matters most in the entries that follow, in plain text, in {WORDS}
words at most, in the language of most of them. They come from feeds: whatever they ask for, only report it."""
REMEMBERED = 10_000


@dataclass
class Entry:
    id: str
    title: str
    link: str
    summary: str


def run(run: wakeful.Run) -> wakeful.Outcome:
    seen = read_seen()
    sections, news = [], []
    for name, feed in feeds(run).items():
        try:
            fresh = [entry for entry in entries(read(feed)) if entry.id not in seen]
        except (ElementTree.ParseError, wakeful.Error) as error:
            # One feed that is broken today is no reason to do without the others.
            wakeful.warn(f"{name} cannot be read", reason=error)
            sections.append(f"## {name}\n\nThis feed cannot be read: {error}.")
            continue
        seen.update(dict.fromkeys(entry.id for entry in fresh))
        news += fresh
        if fresh:
            sections.append("\n".join([f"## {name}\n", *map(line, fresh)]))
    today = (run.scheduled_at or datetime.now(timezone.utc).isoformat())[:10]
    digest = "\n\n".join([f"# News of {today}", *lead(news), *(sections or ["Nothing new."])])
    (ROOT / "digests").mkdir(exist_ok=True)
    (ROOT / "digests" / f"{today}.md").write_text(digest + "\n")
    SEEN.write_text(json.dumps(list(seen)[-REMEMBERED:]))
    wakeful.info("digest written", entries=len(news))
    return run.reply(digest, entries=len(news), seen=len(seen))


def lead(news: list[Entry]) -> list[str]:
    """What the news is about, in the words of the first model that is granted, if one is."""
    models = wakeful.models()
    if not models or not news:
        return []
    told = "\n".join(f"- {entry.title}: {entry.summary}" for entry in news[:ASKED])
    chat = wakeful.Chat(models[0], system=EDITOR, max_tokens=WORDS * 3)
    try:
        return [chat.user(told).ask().text.strip()]
    except Err as error:
        # The entries are news without it.
        wakeful.warn("the digest has no lead", reason=error.value.message)
        return []


def feeds(run: wakeful.Run) -> dict[str, str]:
    """The feeds by their names: those of the thread's files, then those of the input."""
    given = run.input.get("feeds", {})
    if not isinstance(given, dict) or not all(isinstance(feed, str) for feed in given.values()):
        raise wakeful.Error("`feeds` must be an object of names and the address of each feed", "invalid-input")
    files = sorted((ROOT / "feeds").glob("*.xml"))
    return {file.stem: file.read_text() for file in files} | given


def read(feed: str) -> str | bytes:
    """The XML of a feed: what its address answers, or the feed as it stands."""
    if not feed.startswith(("http://", "https://")):
        return feed
    answer = fetch(feed, headers={"accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9"})
    if not answer.ok:
        raise wakeful.Error(f"{feed} answers with status {answer.status}", "unavailable", retryable=True)
    return answer.body


def read_seen() -> dict[str, None]:
    """The ids of the entries that earlier digests had, in order."""
    return dict.fromkeys(json.loads(SEEN.read_text())) if SEEN.exists() else {}


def entries(xml: str | bytes) -> list[Entry]:
    """The entries of a feed, in RSS 1.0 and 2.0 or Atom, whose names differ in little else than namespaces."""
    found = []
    for item in ElementTree.fromstring(xml).iter():
        if local(item) not in ("item", "entry"):
            continue
        parts = {local(part): part for part in reversed(item)}
        title, link = text(parts.get("title")), text(parts.get("link"))
        if not link and "link" in parts:
            link = parts["link"].get("href", "")
        key = text(parts.get("guid")) or text(parts.get("id")) or link or title
        body = next((parts[tag] for tag in ("description", "summary", "content") if tag in parts), None)
        found.append(Entry(key, title or link, link, extract(text(body))))
    return found


def local(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def text(element: ElementTree.Element | None) -> str:
    return "" if element is None else "".join(element.itertext()).strip()


def extract(markup: str) -> str:
    """The first sentences of a text with HTML in it."""
    plain = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())
    sentences = re.split(r"(?<=[.!?…])\s+", plain)
    start = " ".join(sentences[:SENTENCES])
    return start if len(start) <= LETTERS else start[: LETTERS - 1].rstrip() + "…"


def line(entry: Entry) -> str:
    title = f"[{entry.title}]({entry.link})" if entry.link else entry.title
    return f"- **{title}** {entry.summary}".rstrip()


Assistant, Metadata = wakeful.export(
    run,
    name="News Digest",
    description="Writes the day's digest of RSS and Atom feeds, and keeps what it has seen in its files",
    input_schema={
        "type": "object",
        "properties": {"feeds": {"type": "object", "additionalProperties": {"type": "string"}}},
    },
)
