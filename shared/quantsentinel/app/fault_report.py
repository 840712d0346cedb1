"""The firewall's report as Markdown: recall by fault, false refusals, real days explained, forwards and futures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from quantsentinel.app.clean_days import CleanTally
from quantsentinel.app.fault_score import Rate, wilson
from quantsentinel.app.fault_trial import Tally
from quantsentinel.app.judged_day import WHY, JudgedDay, Refused, basis_points
from quantsentinel.frozen import dataclass
from quantsentinel.market.calendar import IST
from quantsentinel.simulator.faults.registry import SOURCES

Rows = Sequence[Sequence[object]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: where it was run, what it found, and its targets."""

    title: str
    tallies: Sequence[Tally]
    rates: Sequence[Rate]


@dataclass(frozen=True, slots=True)
class FirewallReport:
    """Everything that the report shows. `futures` by (underlying, expiry) are closes of the judged days."""

    command: str
    trials: Sequence[Trial]
    clean: Sequence[CleanTally]
    days: Sequence[JudgedDay]
    futures: Mapping[tuple[str, date], float]

    def markdown(self) -> str:
        sections = [
            "# The integrity firewall: what it notices, and what it refuses without a fault",
            f"Made by `{self.command}`; the same seed makes the same tables. {_WHAT}",
            *(_targets(trial) for trial in self.trials),
            _faults(self.trials),
            _sources(self.trials[0].tallies),
            _clean(self.clean),
            *(_day(day) for day in self.days),
            self._forwards(),
        ]
        return "\n\n".join(sections) + "\n"

    def _forwards(self) -> str:
        rows = []
        for day in self.days:
            for expiry in sorted(day.forwards):
                future = self.futures.get((day.tally.underlying, expiry))
                mean = day.closing_forward(expiry)
                if future is not None and mean == mean:
                    off = f"{basis_points(mean, future):+.2f}"
                    rows.append((day.tally.underlying, day.tally.day, expiry, f"{mean:.2f}", f"{future:.2f}", off))
        head = ("underlying", "session", "expiry", "mean forward", "future's close", "bp")
        text = (
            "Mean parity forward of 15:00–15:28 against the close of the future of the same expiry. Limit: 5 bp for "
            "NIFTY's next two monthlies; later expiries have few two-sided pairs."
        )
        return f"## Forwards against futures\n\n{text}\n\n" + _table(head, rows)


_WHAT = (
    "A quote fault counts as noticed when every row it touched is masked or the chain is refused, a chain fault "
    "likewise or, where the right answer is to refuse, only when it is refused; a fault in what decisions do not read "
    "counts when nothing changes. Severities in *tolerances* are spread of the call + spread of its put + the index's "
    "move in 60 s. Intervals are Wilson's, 95 %. Faults are laid after accepted snapshots: what only history tells (a "
    "cache, a ladder one step off where the source names no spot, a neighbouring expiry's label) goes unnoticed in the "
    "first snapshot that is ever seen."
)


def _table(head: Sequence[str], rows: Rows) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.2f} %" if total else "–"


def _targets(trial: Trial) -> str:
    rows = [
        (
            rate.name,
            f"{rate.count} of {rate.total}",
            "{:.2f} – {:.2f} %".format(*(100 * edge for edge in rate.interval)),
            f"{'≥' if rate.at_least else '≤'} {100 * rate.target:g} %",
            "yes" if rate.reached else "**no**",
        )
        for rate in trial.rates
    ]
    return f"## {trial.title}\n\n" + _table(("", "count", "95 % interval", "asked", "reached"), rows)


def _faults(trials: Sequence[Trial]) -> str:
    """One line a fault and severity: noticed of tried in each trial, by which guards."""
    head = ("fault", "level", "right answer", "severity", *(trial.title for trial in trials), "noticed by")
    rows = []
    for number, tally in enumerate(trials[0].tallies):
        same = [trial.tallies[number] for trial in trials]
        names = sorted({name for item in same for name in item.guards if name})
        severity = f"{tally.severity:g} {tally.fault.unit}" + ("" if tally.gated else " *(below)*")
        found = [f"{item.caught}/{len(item.tried)}" if item.tried else "–" for item in same]
        rows.append((tally.fault.name, tally.fault.level, tally.fault.answer, severity, *found, ", ".join(names)))
    floors = {tally.fault.name: tally.fault.floor for tally in trials[0].tallies if tally.fault.floor}
    why = "\n".join(f"- `{name}`: {floor}" for name, floor in floors.items())
    return (
        "## Every fault\n\nA dash: it cannot be laid there (no spot, no vendor Greeks in the source). *(below)*: a "
        "severity that the tolerance covers, shown and not counted.\n\n"
        + _table(head, rows)
        + f"\n\nWhy the lowest severity stands where it does:\n\n{why}"
    )


def _sources(tallies: Sequence[Tally]) -> str:
    rows = []
    for key, text in SOURCES.items():
        mine = [tally for tally in tallies if key in tally.fault.sources and tally.gated]
        caught, tried = sum(item.caught for item in mine), sum(len(item.tried) for item in mine)
        rows.append((text, ", ".join(sorted({item.fault.name for item in mine})), f"{caught}/{tried}"))
    return "## Where the faults come from\n\n" + _table(("seen", "faults", "noticed (simulated)"), rows)


def _clean(clean: Sequence[CleanTally]) -> str:
    rows = [
        (
            day.label, day.underlying, day.day, day.chains, day.refused.total(), day.near_quotes,
            _share(day.masked, day.near_quotes), ", ".join(f"{name} {n}" for name, n in day.near_masked.most_common()),
        )
        for day in clean
    ]  # fmt: skip
    chains, refused = sum(day.chains for day in clean), sum(day.refused.total() for day in clean)
    high = wilson(refused, chains)[1]
    head = ("day", "underlying", "session", "chains", "refused", "near quotes", "masked", "rows by flag")
    text = f"{refused} of {chains} chains refused (95 % upper bound {100 * high:.3f} %)."
    return f"## Simulated days without a fault\n\n{text}\n\n" + _table(head, rows)


def _day(day: JudgedDay) -> str:
    tally = day.tally
    rows = [
        (guard, len(items), _times(items), _measured(items), items[0].verdict.limit, items[0].verdict.unit,
         WHY.get(guard, "**not explained**"))
        for guard, items in day.groups().items()
    ]  # fmt: skip
    masks = [(name, number, _share(number, tally.near_quotes)) for name, number in tally.near_masked.most_common()]
    accepted = tally.chains - tally.refused.total()
    return (
        f"## {tally.underlying} of {tally.day}, as recorded\n\n{accepted} of {tally.chains} snapshots accepted, "
        f"{tally.refused.total()} refused:\n\n"
        + _table(("guard", "snapshots", "received (IST)", "measured", "limit", "unit", "why that is right"), rows)
        + f"\n\nOf {tally.near_quotes} near-the-money quotes within 45 days {_share(tally.masked, tally.near_quotes)} "
        "are masked:\n\n" + _table(("flag", "rows", "share"), masks)
    )


def _times(items: Sequence[Refused]) -> str:
    return ", ".join(f"{item.at.astimezone(IST):%H:%M:%S}" for item in items)


def _measured(items: Sequence[Refused]) -> str:
    values = [item.verdict.measured for item in items]
    numbers = sorted(value for value in values if isinstance(value, int | float))
    if len(numbers) == len(values) and numbers:
        return f"{numbers[0]:g}" if numbers[0] == numbers[-1] else f"{numbers[0]:g} … {numbers[-1]:g}"
    return ", ".join(sorted({str(value) for value in values}))
