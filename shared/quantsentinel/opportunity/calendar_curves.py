"""What the calendars of a snapshot share: smiles, distributions at the exit, and numbers of each pair of expiries.

Worked out once for the screen, and used again where the best calendars are priced exactly. The exit's densities are the
near expiry's with log-returns shrunk to the share of its variance that passes before the exit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from quantsentinel.features.analytics import SliceAnalytics
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.opportunity.calendar_terms import Pair
from quantsentinel.pricing.density import Density

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SMILE_STEPS = np.linspace(0.0, 1.0, 121)
NEAR_REACH = 12.0
FAR_REACH = 6.0
"""The grid reaches so many deviations of the near and of the far expiry, then straight to 0 and to four forwards."""
_PAIR_NUMBERS = tuple(field.name for field in fields(Pair) if field.name not in {"terms", "far_terms"})


@dataclass(frozen=True, eq=False)
class Spread:
    """A distribution of S at the exit: nodes ascending, their masses; `of` is the density that it was shrunk from."""

    nodes: Floats
    mass: Floats
    of: Density

    @property
    def cdf(self) -> Floats:
        """P(S <= node)."""
        return self.of.cdf

    @worked_out
    def above(self) -> tuple[Floats, Floats]:
        """(n + 1,) mass and first moment from each node on; 0 beyond the last."""
        mass, moment = np.zeros(len(self.mass) + 1), np.zeros(len(self.mass) + 1)
        np.cumsum(self.mass[::-1], out=mass[-2::-1])
        np.cumsum((self.mass * self.nodes)[::-1], out=moment[-2::-1])
        return mass, moment


@dataclass(frozen=True, eq=False)
class Curves:
    """Of p pairs: `near` and `far` (p,) are places in `smiles`, which are (log-moneyness, vol); of each near expiry its
    `implied` and its `physical` distribution at the exit, by the same place. `numbers` (p,) by the name of a field of
    `Pair`, and of the near expiry `forward`, `deviation` and how far the grid `reaches`, the last two in logs."""

    near: Ints
    far: Ints
    smiles: tuple[tuple[Floats, Floats], ...]
    implied: Mapping[int, Spread]
    physical: Mapping[int, Spread]
    numbers: Mapping[str, Floats]


def curves_of(pairs: Sequence[Pair]) -> Curves:
    parts = tuple(dict.fromkeys(part for pair in pairs for part in (pair.near, pair.far)))
    near, far = ([parts.index(part) for part in side] for side in zip(*((p.near, p.far) for p in pairs), strict=True))
    first = dict(zip(reversed(near), reversed(pairs), strict=True))  # one pair of each near expiry
    implied, physical = {}, {}
    for place, pair in first.items():
        assert pair.near.density is not None
        assert pair.near.physical is not None
        implied[place] = spread_at_exit(pair.near.density, pair.elapsed)
        physical[place] = spread_at_exit(pair.near.physical, pair.elapsed)
    numbers = {name: np.array([getattr(pair, name) for pair in pairs]) for name in _PAIR_NUMBERS}
    deviation = np.array([(part.atm_vol or 0.0) * part.times.variance_years**0.5 for part in parts])
    return Curves(
        near=np.array(near),
        far=np.array(far),
        smiles=tuple(_smile(part) for part in parts),
        implied=implied,
        physical=physical,
        numbers=numbers
        | {
            "forward": np.array([pair.near.forward or 0.0 for pair in pairs]),
            "deviation": deviation[near],
            "reaches": np.maximum(NEAR_REACH * deviation[near], FAR_REACH * deviation[far]),
        },
    )


def spread_at_exit(density: Density, elapsed: float) -> Spread:
    """The density's log-returns shrunk by sqrt(`elapsed`), its mean kept at the forward (a tilt shrinks alike)."""
    nodes = density.forward * np.exp(np.sqrt(elapsed) * density.log_strike)
    target = density.forward * (density.mean / density.forward) ** np.sqrt(elapsed)
    return Spread(nodes * (target / float(density.mass @ nodes)), density.mass, density)


def weights(spreads: Mapping[int, Spread], which: Ints, levels: Floats) -> Floats:
    """(m, n) of distributions `which` (m,), so that sum(weights * values at levels) is the expectation of the
    piecewise-linear function.

    A hat function is a butterfly of calls, so its expectation is the second difference of the call curve.
    """
    call = np.empty_like(levels)
    for place, spread in spreads.items():
        rows = (which == place).nonzero()[0]
        mass, moment = spread.above
        at = spread.nodes.searchsorted(levels[rows], side="right")
        call[rows] = moment[at] - levels[rows] * mass[at]
    slope = np.empty((len(levels), levels.shape[1] + 1))
    slope[:, 0], slope[:, -1] = -1.0, 0.0
    np.divide(call[:, 1:] - call[:, :-1], levels[:, 1:] - levels[:, :-1], out=slope[:, 1:-1])
    return np.asarray(slope[:, 1:] - slope[:, :-1])


def _smile(part: SliceAnalytics) -> tuple[Floats, Floats]:
    """(log-moneyness, vol) of a slice's smile between its outermost usable quotes."""
    quoted = part.strike[np.isfinite(part.vol)]
    assert part.smile is not None
    assert part.forward is not None
    low, high = np.log(quoted[0] / part.forward), np.log(quoted[-1] / part.forward)
    k = low + (high - low) * SMILE_STEPS
    return k, np.sqrt(np.maximum(part.smile(k), 0.0) / part.times.variance_years)
