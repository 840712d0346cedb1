"""Gate waterfalls: how many came in, what each gate took away, how many got through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from quantsentinel.app.day_record import MarketDay, TenantDay
from quantsentinel.cli.report import words

PASSING = ("offered",)


def waterfall(title: str, total: int, taken: Mapping[str, int], through: tuple[str, int]) -> str:
    """A list of bars: the total, each gate's share in falling order, what is left. Widths are shares of the total."""
    if not total:
        return f'<h4>{escape(title)}</h4><p class="sub">nothing came in</p>'
    rows, left = [_bar("came in", total, 0.0, 1.0, "total")], total
    for gate, count in sorted(taken.items(), key=lambda item: -item[1]):
        left -= count
        rows.append(_bar(words.guard(gate), count, left / total, count / total, "taken", gate))
    rows.append(_bar(through[0], through[1], 0.0, through[1] / total, "through"))
    return f'<h4>{escape(title)}</h4><ol class="bars">{"".join(rows)}</ol>'


def _bar(name: str, count: int, start: float, share: float, kind: str, gate: str = "") -> str:
    sign = "−" if kind == "taken" else ""
    style = f"--from:{100 * max(start, 0.0):.2f}%;--share:{100 * share:.2f}%"
    hint = f' title="{escape(gate)}"' if gate else ""
    return (
        f'<li class="{kind}"{hint}><span class="name">{escape(name)}</span>'
        f'<span class="track"><i style="{style}"></i></span><span class="count">{sign}{count:,}</span></li>'
    )


def market_falls(market: MarketDay) -> str:
    """Snapshots through the firewall, then candidates through pricing and the hard rules."""
    snapshots = waterfall(
        f"{market.underlying} snapshots → firewall",
        market.snapshots_read,
        market.refused_by,
        ("accepted", market.snapshots_accepted),
    )
    reasons = dict(market.candidate_reasons)
    passed = sum(reasons.pop(name, 0) for name in PASSING)
    total = passed + sum(reasons.values())
    candidates = waterfall(
        f"{market.underlying} candidates → hard rules", total, reasons, ("offered to tenants", passed)
    )
    closed = market.entries_refused
    said = f"At the last snapshot {market.underlying} took no entries: {words.guard(closed)}." if closed else ""
    return snapshots + candidates + (f'<p class="note">{escape(said)}</p>' if said else "")


def tenant_fall(tenant: TenantDay) -> str:
    """Offered opportunities through the tenant's switches, walls and sizing."""
    issued = len(tenant.signals)
    total = max(tenant.opportunities, issued + sum(tenant.refusals_by.values()))
    return waterfall(f"{tenant.name}: offered → switches and walls", total, tenant.refusals_by, ("signals", issued))


def all_falls(markets: Sequence[MarketDay], tenants: Sequence[TenantDay]) -> str:
    cards = [*map(market_falls, markets), *map(tenant_fall, tenants)]
    return '<div class="falls">' + "".join(f'<div class="fall">{card}</div>' for card in cards) + "</div>"
