"""The channels of a process, made when one is first asked for: most functions never send, and the HTTP client with its
certificates is a tenth of a second of a cold start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from quantsentinel.adapters.embedded.clock import SystemClock
from quantsentinel.ports import Channel
from quantsentinel.settings import Settings


class Channels(Mapping[str, Channel]):
    """The webhook channel always; Telegram when a bot token is configured."""

    def __init__(self, settings: Settings, *, local_profile: bool) -> None:
        self._settings = settings
        self._local_profile = local_profile

    def __getitem__(self, name: str) -> Channel:
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    @cached_property
    def _made(self) -> Mapping[str, Channel]:
        import httpx

        from quantsentinel.adapters.channels.telegram import TelegramChannel
        from quantsentinel.adapters.channels.webhook import WebhookChannel

        client = httpx.Client()
        made: dict[str, Channel] = {"webhook": WebhookChannel(client, SystemClock(), local_profile=self._local_profile)}
        token = self._settings.telegram_token.get_secret_value()
        if token:
            made["telegram"] = TelegramChannel(client, self._settings.telegram_url, token)
        return made
