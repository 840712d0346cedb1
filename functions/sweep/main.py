"""Cloud Run function `sweep`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import Answer, push


@functions_framework.http
def sweep(request: Request) -> Answer:
    return push("sweep", request)
