"""Cloud Run function `decide`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import Answer, push


@functions_framework.http
def decide(request: Request) -> Answer:
    return push("decide", request)
