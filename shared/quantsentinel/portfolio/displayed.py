"""What the market shows of an offer: the size of its thinnest leg and its spread, the same for every tenant."""

from __future__ import annotations

import math

from quantsentinel.desk import Desk
from quantsentinel.frozen import dataclass
from quantsentinel.opportunity.opportunity import Opportunity
from quantsentinel.portfolio.memo import Memo
from quantsentinel.units import quantise

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Displayed:
    """`units`: of the package, that the leg which shows least against its ratio could fill at the touch; `spread`: of
    the whole package over the premium of its legs, paid and received. NaN where a leg shows nothing."""

    units: float
    spread: float


_SHOWN: Memo[tuple[Opportunity, Displayed]] = Memo(1024)


def displayed(opportunity: Opportunity) -> Displayed:
    """Remembered per opportunity object."""
    return _SHOWN.get(id(opportunity), lambda: (opportunity, _displayed(opportunity)))[1]


def lots_displayed(opportunity: Opportunity, desk: Desk) -> float:
    """Lots up to which the policy's multiple of the displayed size is not passed; 0 where it is not known."""
    units = displayed(opportunity).units
    return quantise(units * desk.policy.walls.max_units_of_displayed / opportunity.lot) if math.isfinite(units) else 0.0


def _displayed(opportunity: Opportunity) -> Displayed:
    pairs = list(zip(opportunity.package.legs, opportunity.legs, strict=True))
    sizes = [(quote.ask_size if leg.side > 0 else quote.bid_size) / leg.ratio for leg, quote in pairs]
    premium = sum(leg.ratio * quote.mid for leg, quote in pairs)
    spread = sum(leg.ratio * (quote.ask - quote.bid) for leg, quote in pairs)
    thin = min(sizes) if all(map(math.isfinite, sizes)) else NAN
    return Displayed(thin if thin > 0 else NAN, quantise(spread / premium) if premium > 0 else NAN)
