"""The hard rules of `definitions.md` §4, each a receipt, asked in the market pass for one lot."""

from __future__ import annotations

from collections.abc import Callable

from quantsentinel.desk import HardRules
from quantsentinel.frozen import dataclass
from quantsentinel.units import quantise
from quantsentinel.verdict import Measured, Outcome, Verdict

VERSION = 1


@dataclass(frozen=True, slots=True)
class RuleNumbers:
    """Rupees for the same number of lots throughout. `max_loss` None when unbounded; `premium` > 0 when paid, < 0 when
    collected."""

    gross_edge: float
    frictions: float
    win_probability: float
    stressed_loss: float
    max_loss: float | None
    premium: float

    @property
    def net_ev(self) -> float:
        return self.gross_edge - self.frictions

    @property
    def cost_ratio(self) -> float | None:
        """None when the gross edge is not positive."""
        return quantise(self.frictions / self.gross_edge) if self.gross_edge > 0 else None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule measured, before it becomes a receipt."""

    holds: bool
    measured: Measured
    limit: Measured
    unit: str
    detail: str


Rule = Callable[[RuleNumbers, HardRules], Finding]


def bounded_loss(numbers: RuleNumbers, policy: HardRules) -> Finding:
    """The payoff has a minimum over all S >= 0 and can lose: a package that cannot lose stands on wrong quotes."""
    loss = numbers.max_loss
    if loss is None:
        return Finding(False, "unbounded", "bounded", "INR", "the loss of this package has no bound")
    return Finding(
        loss > 0, quantise(loss), 0.0, "INR", "" if loss > 0 else "a package that cannot lose: quotes are wrong"
    )


def net_ev(numbers: RuleNumbers, policy: HardRules) -> Finding:
    """Net expected value above zero."""
    return Finding(numbers.net_ev > 0, quantise(numbers.net_ev), 0.0, "INR", "")


def cost_ratio(numbers: RuleNumbers, policy: HardRules) -> Finding:
    """Frictions at most a share of the gross edge; no gross edge refuses."""
    ratio = numbers.cost_ratio
    detail = "" if ratio is not None else "no gross edge"
    return Finding(ratio is not None and ratio <= policy.max_cost_ratio, ratio, policy.max_cost_ratio, "share", detail)


def win_probability(numbers: RuleNumbers, policy: HardRules) -> Finding:
    """P(net P&L > 0); profile `balanced` asks it of packages that collect premium only."""
    asked = policy.profile == "article" or numbers.premium < 0
    holds = not asked or numbers.win_probability >= policy.min_win_probability
    detail = "" if asked else "not asked of a paid package under the balanced profile"
    return Finding(holds, quantise(numbers.win_probability), policy.min_win_probability, "probability", detail)


def net_ev_of_stressed_loss(numbers: RuleNumbers, policy: HardRules) -> Finding:
    """Net expected value at least a share of the stressed loss. Without it the desk would only sell tails."""
    limit = policy.min_net_ev_of_stressed_loss
    share = quantise(numbers.net_ev / numbers.stressed_loss) if numbers.stressed_loss > 0 else None
    holds = numbers.net_ev >= limit * numbers.stressed_loss
    return Finding(holds, share, limit, "share", "" if share is not None else "no stressed loss")


def net_ev_of_premium(numbers: RuleNumbers, policy: HardRules) -> Finding:
    """Profile `balanced`: net expected value at least a share of the premium paid."""
    limit = policy.balanced_min_net_ev_of_premium
    if policy.profile != "balanced" or numbers.premium <= 0:
        return Finding(True, None, limit, "share", "asked of paid packages under the balanced profile only")
    share = quantise(numbers.net_ev / numbers.premium)
    return Finding(share >= limit, share, limit, "share", "")


HARD_RULES: tuple[tuple[str, Rule], ...] = (
    ("bounded_loss", bounded_loss),
    ("net_ev", net_ev),
    ("cost_ratio", cost_ratio),
    ("win_probability", win_probability),
    ("net_ev_of_stressed_loss", net_ev_of_stressed_loss),
    ("net_ev_of_premium", net_ev_of_premium),
)


def judge(numbers: RuleNumbers, policy: HardRules, input_hash: str) -> tuple[Verdict, ...]:
    """A receipt of every hard rule; all are asked."""
    return tuple(_receipt(name, rule(numbers, policy), input_hash) for name, rule in HARD_RULES)


def _receipt(name: str, finding: Finding, input_hash: str) -> Verdict:
    return Verdict(
        guard=name,
        version=VERSION,
        outcome=Outcome.PASSED if finding.holds else Outcome.BLOCKED,
        measured=finding.measured,
        limit=finding.limit,
        unit=finding.unit,
        input_hash=input_hash,
        detail=finding.detail,
    )
