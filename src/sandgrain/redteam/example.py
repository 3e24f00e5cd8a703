"""Submissions a newcomer can audit in a minute, written from the cores of installed packages.

No core is part of this project: the description, its licence and its documentation are copied from the package when
the example is written. The only addition is an identity with a declared read-out, without which there would be nothing
that must not leak; the submission documents it.
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path

from sandgrain.redteam._core import Core
from sandgrain.redteam._identity import DOCUMENT, TEXT, with_identity
from sandgrain.redteam._patch import find_once
from sandgrain.redteam.errors import RedTeamError
from sandgrain.redteam.plants import HEARTBEAT_CYCLES, core_named, plant_sources
from sandgrain.submission.manifest import MANIFEST_NAME


def write_example(
    core: str,
    out: Path,
    plant: str | None = None,
    *,
    disguise_seed: int | None = None,
    heartbeat_cycles: int = HEARTBEAT_CYCLES,
) -> Path:
    """Write a complete submission; it appears at ``out`` in one step, or not at all.

    Args:
        core: ``picorv32``, ``serv``, ``vexriscv`` or ``ibex``.
        out: the directory to write; it may exist if it is empty.
        plant: a :class:`~sandgrain.redteam.PlantKind` to plant in the core, or None to leave it as it is. The
            submission says nothing about it; :func:`~sandgrain.redteam.plant_record` does.
        disguise_seed: plant it under other names, in other places and with other secret words.
        heartbeat_cycles: cycles a planted heartbeat waits for its word.

    Returns:
        ``out``.

    Raises:
        RedTeamError: unknown core or plant, missing package, ``out`` not empty, or the core is of another version.
    """
    found = core_named(core)
    if plant is None and disguise_seed is not None:
        raise RedTeamError(
            "a disguise seed without a plant",
            expected="a plant to disguise",
            remedy="name a plant or drop the seed",
        )
    _require_free(out)
    texts = core_sources(found)
    if plant is not None:
        texts = plant_sources(core, texts, plant, disguise_seed, heartbeat_cycles=heartbeat_cycles)
    texts[MANIFEST_NAME] = found.manifest
    texts["LICENSE"] = _read(_package_root(found) / found.licence)
    texts[DOCUMENT] = TEXT
    texts[found.excerpt.target] = _excerpt(found)
    try:
        _write(out, texts)
    except OSError as error:
        raise RedTeamError(
            f"the example cannot be written: {error.strerror or error}",
            file=out,
            expected="a directory that can be written to",
            remedy="choose another directory",
        ) from error
    return out


def core_sources(core: Core) -> dict[str, str]:
    """The description of ``core`` as it is submitted: file relative to the submission to text.

    Raises:
        RedTeamError: the package is missing, holds no such files, or is of another version.
    """
    return with_identity(core, package_sources(core))


def package_sources(core: Core) -> dict[str, str]:
    """The description of ``core`` as its package has it: file relative to the submission to text.

    Raises:
        RedTeamError: the package is missing or holds no such files.
    """
    root = _package_root(core)
    texts = {}
    for glob, directory in core.files:
        files = sorted(root.glob(glob))
        if not files:
            raise _missing(core, f"the package {core.package} holds no {glob}")
        texts.update({f"{directory}/{file.name}": _read(file) for file in files})
    return texts


def _package_root(core: Core) -> Path:
    try:
        package = importlib.import_module(core.package)
    except ImportError as error:
        raise _missing(core, f"the Python package {core.package} is not installed") from error
    return Path(str(package.data_location))


def _missing(core: Core, what: str) -> RedTeamError:
    return RedTeamError(
        what,
        expected=f"the files of the core {core.name}, which are not part of this project",
        remedy="pip install sandgrain[examples]",
    )


def _read(file: Path) -> str:
    try:
        # Bytes, then text: line ends stay as the vendor wrote them.
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RedTeamError(
            f"cannot be read: {error}",
            file=file,
            expected="a UTF-8 text of the installed package",
            remedy="pip install --force-reinstall sandgrain[examples]",
        ) from error


def _excerpt(core: Core) -> str:
    """The submitted part of the core's documentation."""
    excerpt = core.excerpt
    text = _read(_package_root(core) / excerpt.source)
    parts = [f"From {excerpt.source} of the {core.name} distribution.\n"]
    for first, after in excerpt.sections:
        start = find_once(text, first, file=excerpt.source).start()
        end = find_once(text, after, file=excerpt.source).start()
        parts.append(text[start:end].strip() + "\n")
    return "\n".join(parts)


def _require_free(out: Path) -> None:
    try:
        taken = out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir())))
    except OSError:
        taken = True
    if taken:
        raise RedTeamError(
            "there is something already",
            file=out,
            expected="a directory that does not exist yet, or is empty",
            remedy="choose another directory, or remove this one",
        )


def _write(out: Path, texts: dict[str, str]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        made = Path(scratch) / "submission"  # not the scratch directory itself, which only its owner may read
        for name, text in texts.items():
            file = made / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode("utf-8"))
        if out.exists():
            out.rmdir()  # fails if it was filled meanwhile
        made.rename(out)
