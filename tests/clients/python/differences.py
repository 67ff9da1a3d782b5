"""Where Wakeful answers otherwise than LangGraph's own server did, and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    label: str
    why: str
    status: int | None = None
    """The status that Wakeful answers with, if it is another one."""
    shape: bool = False
    """The body has another shape."""
    headers: tuple[str, ...] = ()
    """Headers that are not sent."""
    skipped: bool = False
    """The exchange cannot be repeated."""


DIFFERENCES: dict[str, dict[int, Difference]] = {}
