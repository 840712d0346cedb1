"""What an offer can lose in a gap and in the tail, in points per unit, entered at its executable price.

The tail is the 97.5 % expected shortfall at the adverse end of what the quotes say about tail probabilities
(`pricing.tails`): as much mass as executable verticals allow, as far out as they allow it, at the worse end of its
interval. No density between the quotes is assumed, so it is never below the shortfall of any density they permit whose
tails lose the more the further out they are. A package of several expiries has no one settlement: its maximum loss,
which its rule found by stressing the far leg, stands for its tail.
"""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from quantsentinel.desk import Desk
from quantsentinel.frozen import dataclass
from quantsentinel.market.instruments import Package
from quantsentinel.opportunity.market_view import MarketView
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.marks import payoff
from quantsentinel.portfolio.memo import Memo
from quantsentinel.portfolio.scenarios import offered_legs
from quantsentinel.pricing.tails import TailBounds

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TailLoss:
    """Points per unit, positive when lost; None where it cannot be told."""

    gap: float | None
    """The worst of the policy's gap up and down, valued at once, at the vols as they are and stressed."""
    shortfall: float | None
    stressed: float | None
    """The priced stressed loss (implied density and gap at settlement) without the flat costs of its one lot."""

    @property
    def worst(self) -> float | None:
        """None as long as one of them is not known."""
        found = (self.gap, self.shortfall, self.stressed)
        return None if None in found else max(value for value in found if value is not None)


_LOSSES: Memo[tuple[Opportunity, TailLoss]] = Memo(1024)


def tail_loss(opportunity: Opportunity, view: MarketView, desk: Desk) -> TailLoss:
    """The same for every tenant; remembered per opportunity object."""
    key = (id(opportunity), view.snapshot_digest, view.history_digest, desk.digest)
    return _LOSSES.get(key, lambda: (opportunity, _tail_loss(opportunity, view, desk)))[1]


def _tail_loss(opportunity: Opportunity, view: MarketView, desk: Desk) -> TailLoss:
    legs = offered_legs(opportunity, view, desk).legs
    rules, part = desk.policy.hard_rules, view.analytics.slice(opportunity.package.expiry)
    if legs is None or part is None or part.forward is None:
        return TailLoss(None, None, None)
    gaps = np.array([-rules.gap_stress, rules.gap_stress])
    values = legs.values(np.tile(gaps, 2), np.repeat([1.0, desk.policy.walls.stressed_margin_vol], 2))
    gap = opportunity.executable - float(values.min())
    if opportunity.package.is_calendar:
        shortfall = _points(opportunity, opportunity.max_loss)
    else:
        worst = adverse_shortfall(opportunity.package, part.tail_bounds, part.forward, 1.0 - rules.tail_level)
        shortfall = _finite(opportunity.executable + worst)
    return TailLoss(_finite(gap), shortfall, _points(opportunity, opportunity.economics.stressed_loss))


def _points(opportunity: Opportunity, loss: Decimal | None) -> float | None:
    """A loss of one lot per unit, its flat costs taken off."""
    one = opportunity.economics
    flat = sum((line.amount for line in one.cost_lines), Decimal(0)) + one.depth_impact
    return None if loss is None else _finite(float((loss - flat) / opportunity.lot))


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def adverse_shortfall(package: Package, bounds: TailBounds, forward: float, share: float) -> float:
    """Mean of -payoff over the worst `share` of probability, points; infinite when the payoff has no lower bound."""
    if sum(leg.signed for leg in package.legs if leg.instrument.is_call) < 0:
        return math.inf
    edges = np.concatenate([[0.0], bounds.strike, [2.0 * max(bounds.strike[-1], forward)]])
    lost = np.array([-payoff(package.legs, level) for level in edges.tolist()])
    worse = np.maximum(lost[:-1], lost[1:])  # between listed strikes a payoff is linear
    below = np.append(bounds.below(bounds.strike)[1], 1.0)
    above = np.insert(bounds.above(bounds.strike)[1], 0, 1.0)
    left, right = np.diff(below, prepend=0.0), -np.diff(above, append=0.0)
    mass = np.concatenate([np.where(edges[:-1] < forward, left, 0.0), np.where(edges[1:] > forward, right, 0.0)])
    losses = np.concatenate([worse, worse])
    order = np.argsort(-losses, kind="stable")
    taken = np.diff(np.minimum(np.cumsum(np.maximum(mass[order], 0.0)), share), prepend=0.0)
    return float(taken @ losses[order]) / share
