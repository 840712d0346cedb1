"""Cloud Run function `rotate_token`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.wiring.rotate_token import Answer, answer


@functions_framework.http
def rotate_token(request: Request) -> Answer:
    return answer(request)
