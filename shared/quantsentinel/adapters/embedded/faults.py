"""What a bus may do to a message, on demand and reproducibly: duplicate, delay, reorder, lose the acknowledgement."""

from __future__ import annotations

import hashlib

from quantsentinel.errors import BadInput
from quantsentinel.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares in [0, 1] of the messages that suffer each; `delay_s` is the longest delay (uniform from 0).

    The draw depends on the seed and on the message alone, so neither threads nor a restart change it.
    """

    duplicate: float = 0.0
    delay_s: float = 0.0
    reorder: float = 0.0
    drop_ack: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        shares = (self.duplicate, self.reorder, self.drop_ack)
        if not all(0 <= share <= 1 for share in shares) or self.delay_s < 0:
            raise BadInput(f"{self} is out of range", where="bus faults", fix="Shares from 0 to 1, delay_s from 0")

    def copies(self, message: str) -> int:
        return 2 if self._draw("duplicate", message) < self.duplicate else 1

    def delay_us(self, message: str) -> int:
        return int(1e6 * self.delay_s * self._draw("delay", message)) if self.delay_s else 0

    def rank(self, message: str) -> int:
        """Among messages that are due at the same moment the lowest goes first."""
        if not self.reorder or self._draw("reorder", message) >= self.reorder:
            return 0
        return int(2e6 * self._draw("rank", message)) - 1_000_000

    def drops_ack(self, message: str) -> bool:
        return bool(self.drop_ack) and self._draw("ack", message) < self.drop_ack

    def _draw(self, what: str, message: str) -> float:
        """Uniform in [0, 1)."""
        digest = hashlib.sha256(f"{self.seed}|{what}|{message}".encode()).digest()
        return int.from_bytes(digest[:8]) / 2**64
