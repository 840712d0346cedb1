"""Cloud Run function `fan_out`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import Answer, push


@functions_framework.http
def fan_out(request: Request) -> Answer:
    return push("fan_out", request)
