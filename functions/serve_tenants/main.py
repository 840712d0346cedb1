"""Cloud Run function `serve_tenants`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import Answer, push


@functions_framework.http
def serve_tenants(request: Request) -> Answer:
    return push("serve_tenants", request)
