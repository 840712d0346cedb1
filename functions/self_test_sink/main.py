"""Cloud Run function `self_test_sink`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import platform
from quantsentinel.wiring.self_test import Answer, sink


@functions_framework.http
def self_test_sink(request: Request) -> Answer:
    return sink(platform, request)
