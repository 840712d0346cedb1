"""`qs audit export|verify|root`: a tenant's chain as a file that proves itself, and the days' roots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quantsentinel.cli.options import Config, Json, State, a_date, open_last
from quantsentinel.cli.output import Answer, Table, ist, show
from quantsentinel.errors import BadInput
from quantsentinel.units import counted

if TYPE_CHECKING:
    from quantsentinel.app.audit import StateReport
    from quantsentinel.audit.chain import Break
    from quantsentinel.audit.export import Verified

app = typer.Typer(help="The audit chains: export, verify, daily roots.", no_args_is_help=True)


@app.command()
def export(
    tenant: Annotated[str, typer.Option("--tenant", help="Whose chain.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write; with .gz at its end it is compressed.")],
    rows: Annotated[bool, typer.Option("--rows/--no-rows", help="With the full decision rows.")] = True,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Writes one tenant's records, decision rows and the roots with their proofs: all that `qs audit verify` needs."""
    from quantsentinel.app.audit import export_lines

    if not out.parent.is_dir():
        raise BadInput("no such folder", where=str(out.parent), fix="Name a file in a folder that exists")
    if out.exists():
        raise BadInput("the file exists", where=str(out), fix="Name another: an export is never written over")
    part = out.with_name(f".part-{out.name}")
    try:
        lines = _write(part, out.suffix == ".gz", export_lines(open_last(config, state), tenant, with_rows=rows))
        part.rename(out)
    finally:
        part.unlink(missing_ok=True)
    size = out.stat().st_size
    found = {"tenant": tenant, "file": str(out), "lines": lines, "bytes": size}
    said = f"{tenant}: {counted(lines, 'line')}, {counted(size, 'byte')} in {out}. `qs audit verify {out}` reads it."
    show(Answer(found, lines=[said]), json)


def _write(path: Path, packed: bool, lines: Iterable[bytes]) -> int:
    import gzip

    count = 0
    with gzip.open(path, "wb", compresslevel=6) if packed else path.open("wb") as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
    return count


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Argument(help="An export. Without one, the chains in the state are verified.")
    ] = None,
    root: Annotated[str, typer.Option("--root", help="A root (hex) known from elsewhere, that has to be in it.")] = "",
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """Says which record of which chain does not hold, and why. Exits 0 when all hold, 1 when one does not, 2 when the
    file is no export. An export is read offline: no state, no account."""
    from quantsentinel.app.audit import verify_state
    from quantsentinel.audit.export import verify_export

    if file is None:
        if root:
            raise BadInput("--root is for an export", where="audit verify", fix="Name the file")
        show(_of_state(verify_state(open_last(config, state))), json)
        return
    if state is not None:
        raise BadInput(
            "a file and --state", where="audit verify", fix="An export is verified by itself: name one of them"
        )
    show(_of_export(verify_export(_lines(file)), root.removeprefix("sha256:")), json)


def _lines(path: Path) -> Iterator[bytes]:
    import gzip
    import zlib

    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            yield from stream
    except EOFError:
        raise BadInput("the file is cut off: its packed content has no end", where=str(path)) from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"the file is damaged: {error}", where=str(path)) from None
    except FileNotFoundError:
        raise BadInput("no such file", where=str(path), fix="`qs audit export` writes one") from None
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", where=str(path)) from None


def _of_export(found: Verified, wanted: str) -> Answer:
    known = not wanted or wanted in {header.root for header in found.roots}
    held = ((found.records, "record"), (found.rows, "decision row"), (len(found.roots), "root"))
    lines = [f"{found.tenant}: {', '.join(counted(number, noun) for number, noun in held)}", *_sealed(found)]
    if not known:
        lines.append(f"BROKEN: no root in it is {wanted}")
    lines.append(_said(found.tenant, found.problem) if found.problem or known else "")
    data = {
        "tenant": found.tenant,
        "records": found.records,
        "rows": found.rows,
        "roots": [{"on": header.on, "root": header.root} for header in found.roots],
        "sealed_seq": found.sealed_seq,
        "unsealed": found.unsealed,
        "missing": found.missing,
        "unread": found.unread,
        "root_found": known,
        "problem": found.problem,
    }
    return Answer(data, lines=[line for line in lines if line], failed=found.problem is not None or not known)


def _sealed(found: Verified) -> Iterator[str]:
    """How far a root vouches for the records, and what of that the file does not hold."""
    if found.sealed is not None:
        yield (
            f"sealed up to record {found.sealed_seq} by the root of {found.sealed.on}, {found.sealed.root}: "
            "compare it with the one that was published"
        )
    if found.missing:
        yield f"MISSING: {counted(found.missing, 'sealed record')} of {found.tenant}, {_behind(found)}"
    elif found.unread:
        yield f"not verified: {counted(found.unread, 'sealed record')} of {found.tenant}, {_behind(found)}"
    elif found.unsealed:
        stand = "is" if found.unsealed == 1 else "are"
        said = counted(found.unsealed, "record")
        yield f"{said} {stand} chained and not sealed yet: an end cut off there would not show"


def _behind(found: Verified) -> str:
    """Which ones."""
    is_one = found.records == found.sealed_seq
    return f"record {found.records}" if is_one else f"records {found.records} to {found.sealed_seq}"


def _of_state(found: StateReport) -> Answer:
    rows = [(one.tenant, one.records, one.sealed_seq, one.sealed_on, _said("", one.problem)) for one in found.chains]
    columns = ("tenant", "records", "sealed to", "by the root of", "")
    newest = found.roots[-1] if found.roots else None
    lines = [
        f"{counted(len(found.roots), 'root')}, the newest of {newest.on}: {newest.root}"
        if newest
        else "no day is sealed yet"
    ]
    if found.problem:
        lines.append(f"BROKEN: {found.problem}")
    data = {"chains": found.chains, "roots": len(found.roots), "problem": found.problem}
    return Answer(data, [Table("Audit chains", columns, rows, "no tenant")], lines, failed=not found.holds)


def _said(tenant: str, problem: Break | None) -> str:
    if problem is None:
        return "whole"
    return f"BROKEN at record {problem.seq}{f' of {tenant}' if tenant else ''}: {problem.what}"


@app.command()
def root(
    on: Annotated[str, typer.Option("--on", help="The session, YYYY-MM-DD.")],
    seal: Annotated[
        bool, typer.Option("--seal", help="First seal the session that closed last, if nobody did.")
    ] = False,
    config: Config = None,
    state: State = None,
    json: Json = False,
) -> None:
    """The root over all tenants' chains after a session's close, to be published or kept where nobody can change it."""
    from quantsentinel.app.audit import root_of, seal_session

    platform = open_last(config, state)
    if seal:
        seal_session(platform)
    found = root_of(platform, a_date(on, "--on"))
    header = found.header
    rows = [(head.tenant, head.seq, head.hash) for head in found.heads]
    lines = [
        f"root {header.root}",
        f"digest {header.digest}",
        f"sealed {ist(header.sealed_at)}, after {header.previous}",
    ]
    data = {"header": header, "digest": header.digest, "heads": found.heads}
    show(Answer(data, [Table(f"Heads under the root of {header.on}", ("tenant", "record", "hash"), rows)], lines), json)
