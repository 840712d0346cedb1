"""What a person sees while a day runs: the market, the refusals and the newest signals."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any

from quantsentinel.cli.output import error_console, ist
from quantsentinel.frozen import dataclass

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from quantsentinel.app.platform import Platform
    from quantsentinel.app.poll_market import Polled

LINES = 8
SIGNAL_COLUMNS = (("at", 8), ("tenant", 12), ("state", 9), ("what", 36), ("mode", 5), ("why", 20))


@dataclass
class LiveView:
    """Counts and the newest lines; `poll` and `refresh` feed it, `shown` draws it."""

    title: str
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    market: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    signals: deque[tuple[str, ...]] = field(default_factory=lambda: deque(maxlen=LINES))
    refusals: Counter[str] = field(default_factory=Counter)
    seen: set[tuple[str, str, int]] = field(default_factory=set)
    earlier: int = 0
    """How many of the seen events are those of an earlier run."""
    trouble: str = ""
    over: bool = False
    unreached: int = 0
    """In how many rounds the feed could not be reached."""
    done: int = 0
    total: int = 0

    def poll(self, polled: Polled) -> None:
        """Counts one poll."""
        if polled.accepted:
            self.accepted[polled.underlying] += 1
        else:
            self.refused[f"{polled.underlying} {polled.refused_by}"] += 1

    def remember(self, platform: Platform) -> None:
        """The signal events of the run that this one goes on from: shown, but not told again."""
        self.refresh(platform, ())
        self.earlier = len(self.seen)

    def refresh(self, platform: Platform, underlyings: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Reads the newest market rows and signal events from the stores; the events not seen before."""
        from quantsentinel.app.listing import signals

        for name in underlyings:
            pointer = platform.snapshots.latest(name)
            if pointer is not None:
                self.market[name] = pointer.data
        fresh = []
        for item in signals(platform):
            key = (item["tenant_id"], item["signal_id"], item["sequence"])
            if key not in self.seen:
                self.seen.add(key)
                fresh.append(signal_line(item))
        self.signals.extend(fresh)
        return fresh

    def shown(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        grid = Table(title=Text(self.title), title_justify="left", box=None, header_style="bold")
        for column in ("underlying", "time (IST)", "forward", "ATM vol", "accepted", "refused by"):
            grid.add_column(column, justify="left" if column in ("underlying", "refused by") else "right")
        for name, data in sorted(self.market.items()):
            grid.add_row(*self._market_line(name, data))
        signals = Table(title="Newest signals", title_justify="left", box=None, header_style="dim")
        for column, width in SIGNAL_COLUMNS:
            signals.add_column(column, overflow="ellipsis", no_wrap=True, min_width=width)
        for line in self.signals:
            signals.add_row(*line)
        counted = (
            f"{self.done} of {self.total} snapshots" if self.total else "Ctrl-C ends it; it resumes from its state"
        )
        return Group(grid, Text(""), signals, Text(self.trouble, style="yellow"), Text(counted, style="dim"))

    def _market_line(self, name: str, data: Mapping[str, Any]) -> tuple[str, ...]:
        row = data["row"]
        forward = next(iter(sorted(row["forwards"].items())), (None, None))[1]
        refused = ", ".join(
            f"{key.removeprefix(name + ' ')} {count}"
            for key, count in self.refused.items()
            if key.startswith(name + " ")
        )
        vol = row["atm_vol"]
        return (
            name,
            ist(row["observed_at"])[11:],
            "–" if forward is None else f"{forward:,.2f}",
            "–" if vol is None else f"{100 * vol:.2f} %",
            str(self.accepted[name]),
            refused or "–",
        )


def signal_line(item: Mapping[str, Any]) -> tuple[str, ...]:
    """One signal event as the cells of its row."""
    what = f"{item['underlying']} {item['family'].replace('_', ' ')} {item['expiry']}"
    why = item["event"]["why"].partition(";")[0]
    return ist(item["decided_at"])[11:], item["tenant_id"], item["state"], what, item["mode"], why


@contextmanager
def live(view: LiveView, quiet: bool) -> Iterator[Live | None]:
    """The view redrawn on stderr while the block runs; nothing when piped or `quiet`."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.live import Live

    with Live(view.shown(), console=error_console(), refresh_per_second=8) as drawn:
        yield drawn
