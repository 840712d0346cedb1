"""Cloud Run function `heartbeat`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import Answer, push


@functions_framework.http
def heartbeat(request: Request) -> Answer:
    return push("heartbeat", request)
