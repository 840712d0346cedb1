"""Cloud Run function `deliver`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import Answer, push


@functions_framework.http
def deliver(request: Request) -> Answer:
    return push("deliver", request)
