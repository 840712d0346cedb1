"""A signal's profit and loss over the index level: at expiry, and today (T+0) by Black-76 at each leg's own vol."""

from __future__ import annotations

import math

import numpy as np

from quantsentinel.app.day_record import SignalCard
from quantsentinel.frozen import dataclass
from quantsentinel.market.snapshot import Floats
from quantsentinel.pricing.black76 import price

STEPS = 121


@dataclass(frozen=True, slots=True)
class Curves:
    """Rupees for the whole position, net of charges, shape (n,). `today` is None when a leg has no implied vol."""

    level: Floats
    expiry: Floats
    today: Floats | None


def curves(card: SignalCard) -> Curves:
    """Both curves on a grid that holds every strike and breakeven, over ± 3σ or the strikes, whichever is wider."""
    low, high = window(card)
    kinks = [leg.strike for leg in card.legs] + list(card.breakevens) + [card.forward]
    level = np.unique(np.concatenate([np.linspace(low, high, STEPS), [kink for kink in kinks if low < kink < high]]))
    paid = card.units * card.limit_price + float(card.charges)
    return Curves(level, card.units * intrinsic(card, level) - paid, today(card, level, paid))


def window(card: SignalCard) -> tuple[float, float]:
    """The levels that are shown."""
    sigma = (card.atm_vol or 0.12) * math.sqrt(max(card.years, 1e-6))
    inner = [*(leg.strike for leg in card.legs), *card.breakevens, card.forward]
    room = 0.25 * (max(inner) - min(inner)) + 0.002 * card.forward
    low = min(card.forward * math.exp(-3 * sigma), min(inner) - room)
    return max(low, 1.0), max(card.forward * math.exp(3 * sigma), max(inner) + room)


def intrinsic(card: SignalCard, level: Floats) -> Floats:
    """What the package pays at expiry, points per unit."""
    total = np.zeros_like(level)
    for leg in card.legs:
        away = level - leg.strike if leg.right == "CE" else leg.strike - level
        total += leg.side * leg.ratio * np.maximum(away, 0.0)
    return total


def today(card: SignalCard, level: Floats, paid: float) -> Floats | None:
    """Now, if the forward moved at once to `level` and no vol changed; None when a leg's vol is unknown."""
    total = np.zeros_like(level)
    for leg in card.legs:
        if leg.iv is None:
            return None
        value = price(level, leg.strike, card.years, leg.iv, card.discount, leg.right == "CE")
        total += leg.side * leg.ratio * np.asarray(value)
    return card.units * total - paid


def deviations(card: SignalCard) -> tuple[float, float, float, float] | None:
    """(−2σ, −1σ, +1σ, +2σ) levels at expiry from the at-the-money vol, None when it is unknown."""
    if card.atm_vol is None or card.years <= 0:
        return None
    sigma = card.atm_vol * math.sqrt(card.years)
    minus2, minus1, plus1, plus2 = (card.forward * math.exp(k * sigma) for k in (-2, -1, 1, 2))
    return minus2, minus1, plus1, plus2
