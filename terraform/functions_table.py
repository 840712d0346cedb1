"""The map of functions as a table for people: `python -m terraform.functions_table` writes `docs/functions.md`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from emulators.function_map import FunctionMap, load_map
from emulators.function_rows import Permissions, PubSub

PAGE = Path(__file__).parents[1] / "docs" / "functions.md"
BEGIN, END = "<!-- functions: python -m terraform.functions_table -->", "<!-- /functions -->"
"""In a page that shows the table among other things, it stands between these."""
HEAD = """# Functions and jobs

Generated from `terraform/functions.json` by `python -m terraform.functions_table`; a test compares.
"""


def table(known: FunctionMap) -> str:
    """One row a function, one a job."""
    rows = [_line("function", "called by", "memory, CPU", "instances", "documents", "objects", "secrets", "publishes")]
    rows.append("|" + "---|" * 8)
    for name, row in known.functions.items():
        size = f"{row.memory_mb} MB, {row.cpu}"
        instances = f"{row.min_instances}–{row.max_instances} × {row.concurrency}"
        rows.append(
            _line(f"`{name}`", _called(known, name), size, instances, *_granted(row.permissions), _list(row.publishes))
        )
    for name, job in known.jobs.items():
        called = f"schedule `{job.schedule}` IST"
        rows.append(
            _line(f"`{name}` (job)", called, f"{job.memory_mb} MB, {job.cpu}", "1", *_granted(job.permissions), "–")
        )
    return "\n".join(rows)


def _called(known: FunctionMap, name: str) -> str:
    trigger = known.functions[name].trigger
    if not isinstance(trigger, PubSub):
        return f"HTTP, {trigger.ingress}: {trigger.invokers.replace('_', ' ')}"
    beat = f", `{trigger.schedule}` IST" if trigger.schedule else ""
    return f"`{trigger.topic}`{beat}"


def _granted(permissions: Permissions) -> tuple[str, str, str]:
    objects = (f"{kind} {access}" for kind, access in permissions.objects.items())
    secrets = [*permissions.secrets, *(f"{name} (adds)" for name in permissions.secret_versions_added)]
    return permissions.documents.replace("none", "–"), _list(objects), _list(secrets)


def _list(items: Iterable[str]) -> str:
    return ", ".join(items) or "–"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def page(known: FunctionMap) -> str:
    return f"{HEAD}\n{BEGIN}\n{table(known)}\n{END}\n"


if __name__ == "__main__":
    PAGE.write_text(page(load_map()), encoding="utf-8")
