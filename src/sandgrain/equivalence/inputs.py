"""Files a user names, as the rooms below take them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandgrain.errors import ElaborationError
from sandgrain.netlist.design import Design


def design_of(files: Sequence[Path], top: str, include: Sequence[Path], defines: Mapping[str, str]) -> Design:
    """A design of files wherever they are; its root is the directory that holds them all.

    Raises:
        ElaborationError: a file that is not there.
    """
    paths = [path.resolve() for path in files]
    for path, named in zip(paths, files, strict=True):
        if not path.is_file():
            raise ElaborationError(
                "there is no such file", file=named, expected="a source file", remedy="correct the name"
            )
    directories = [path.resolve() for path in include]
    root = Path(os.path.commonpath([*(str(path.parent) for path in paths), *map(str, directories)]))
    return Design(
        root=root,
        sources=tuple(path.relative_to(root).as_posix() for path in paths),
        top=top,
        include_dirs=tuple(path.relative_to(root).as_posix() for path in directories),
        defines=dict(defines),
    )
