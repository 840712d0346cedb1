"""One function under functions-framework, whose gunicorn workers end with it and which ends with who started it.

python -m emulators.function_process --source functions/decide/main.py --target decide --host 127.0.0.1 --port 8081
"""

from __future__ import annotations

import os

from functions_framework._cli import _cli

from emulators.lifetime import end_with_parent


def main() -> None:
    end_with_parent()
    # The kernel forgets the wish at a fork, so every worker has to repeat it.
    os.register_at_fork(after_in_child=end_with_parent)
    _cli()


if __name__ == "__main__":
    main()
