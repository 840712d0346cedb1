"""What the market pass returns: one value for one accepted snapshot, the same for every tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime

from quantsentinel.alpha.view import Consensus, View
from quantsentinel.canonical import digest
from quantsentinel.features.analytics import MarketAnalytics
from quantsentinel.features.regime import Regime
from quantsentinel.frozen import dataclass, worked_out
from quantsentinel.market.snapshot import Snapshot
from quantsentinel.opportunity.candidates import Candidates
from quantsentinel.opportunity.factors import Factors
from quantsentinel.opportunity.opportunity import Opportunity

Feature = float | str | None


@dataclass(frozen=True)
class MarketView:
    """`features` are quantised (name -> value, None when not available). `opportunities` are ranked, best first.

    `analytics` (surface, forecast, densities), `snapshot` and `feature_times` serve marks, reports and training; they
    are functions of the digests and stay out of `digest`.
    """

    underlying: str
    session: date
    observed_at: datetime
    received_at: datetime
    snapshot_digest: str
    history_digest: str
    desk_digest: str
    features: Mapping[str, Feature]
    views: tuple[View, ...]
    consensus: Consensus
    opportunities: tuple[Opportunity, ...]
    candidates: Candidates
    entries_refused: str
    """Why no entry may be issued from this view at all (`no_forecast_history`, `ltp_only`, ...), or empty."""
    regime: Regime
    analytics: MarketAnalytics
    snapshot: Snapshot
    feature_times: Mapping[str, datetime] = field(default_factory=dict)
    """From when on each feature may be used."""
    factors: Factors | None = None
    """How the indices move together; None without enough daily closes."""

    @worked_out
    def digest(self) -> str:
        """Over everything that decides: features, views, consensus, opportunities, candidates' reasons, regime."""
        return digest(
            [
                [self.underlying, self.session, self.observed_at, self.received_at],
                [self.snapshot_digest, self.history_digest, self.desk_digest],
                [self.features, self.views, self.consensus],
                [self.opportunities, self.candidates.digest, self.entries_refused, self.regime],
            ]
        )
