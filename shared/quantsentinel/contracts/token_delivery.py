"""What Upstox posts to an app's notifier webhook once the account holder has approved a request for an access token."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from quantsentinel.errors import BadInput

MAX_BYTES = 20_000


class TokenDelivery(BaseModel):
    """`client_id` is the app's, `user_id` the account holder's. Other fields come and go (the interface is in beta)."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    client_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    access_token: Annotated[str, StringConstraints(min_length=1, max_length=8_000, pattern=r"^[\x21-\x7e]+$")]


def parse_delivery(body: bytes) -> TokenDelivery:
    """Raises `BadInput` that names the fields and repeats no value: one of them is the token."""
    if len(body) > MAX_BYTES:
        raise BadInput(f"{len(body)} bytes", where="token delivery", fix=f"At most {MAX_BYTES}")
    try:
        return TokenDelivery.model_validate_json(body)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'the body'}: {item['type']}" for item in error.errors()]
        raise BadInput("; ".join(lines), where="token delivery") from None
