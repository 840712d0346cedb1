"""Cloud Run function `announce`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import Answer, push


@functions_framework.http
def announce(request: Request) -> Answer:
    return push("announce", request)
