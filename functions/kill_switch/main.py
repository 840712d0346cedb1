"""Cloud Run function `kill_switch`: see terraform/functions.json."""

import functions_framework
from flask import Request

from quantsentinel.wiring.kill_switch import Answer, answer


@functions_framework.http
def kill_switch(request: Request) -> Answer:
    return answer(request)
