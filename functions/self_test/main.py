"""Cloud Run function `self_test`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.entry import platform
from quantsentinel.wiring.self_test import Answer, answer


@functions_framework.http
def self_test(request: Request) -> Answer:
    return answer(platform, request)
