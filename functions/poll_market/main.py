"""Cloud Run function `poll_market`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import Answer, push


@functions_framework.http
def poll_market(request: Request) -> Answer:
    return push("poll_market", request)
