"""The comparison from files: what the command line calls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandgrain.layout._bytes import read_bytes
from sandgrain.layout.certificate import Checked, check_certificate
from sandgrain.layout.compare import Subject, compare
from sandgrain.layout.errors import LayoutError
from sandgrain.layout.lef import read_lef
from sandgrain.layout.library import Library, technology
from sandgrain.layout.limits import LayoutLimits
from sandgrain.layout.pictures import Pictures
from sandgrain.layout.process import Process
from sandgrain.layout.read import Drawing, read_layout
from sandgrain.layout.result import LayoutComparison
from sandgrain.layout.routed import read_def
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.model import Module
from sandgrain.netlist.read import read_netlist
from sandgrain.progress import Progress, SilentProgress
from sandgrain.verdict import Text

_MOST_PICTURES = 100


@dataclass(frozen=True, slots=True)
class Inputs:
    """Files of one comparison.

    Attributes:
        netlist: gate netlist, of any format the netlist room reads.
        layout: GDSII or OASIS.
        process: the layer stack.
        top: module and cell that is the chip; found out when left out.
        library: directory of trusted GDS files in place of the process's package.
        lef: LEF of the chip.
        routed: DEF of the chip.
        pre_layout: see `Subject`.
        limits: bounds on hostile files.
    """

    netlist: Path
    layout: Path
    process: Process
    top: str | None = None
    library: Path | None = None
    lef: Path | None = None
    routed: Path | None = None
    pre_layout: bool = False
    limits: LayoutLimits = field(default_factory=LayoutLimits)


def compare_files(inputs: Inputs, progress: Progress | None = None, library: Library | None = None) -> LayoutComparison:
    """Compare two files, see `compare`.

    Args:
        inputs: the files.
        progress: told how far it is.
        library: the trusted cells where they have been read before; those ``inputs`` names when left out.

    Raises:
        LayoutError, NetlistError, LibraryError, LimitExceeded: with file and place.
    """
    progress = progress or SilentProgress()
    module, drawing, digests = _read(inputs, progress)
    ports = None
    if inputs.lef is not None:
        ports = read_lef(inputs.lef, inputs.process, inputs.limits)
        digests[inputs.lef.name] = _digest(inputs.lef)
    routed = None
    if inputs.routed is not None:
        # It is compared with the drawing and no part of the certificate, which holds without it.
        with progress.stage("reading the DEF"):
            routed = read_def(inputs.routed, inputs.process, technology(inputs.process), inputs.limits)
    subject = Subject(module, drawing, inputs.top, digests, inputs.pre_layout, ports, routed)
    library = library or Library(inputs.process, inputs.library, inputs.limits)
    return compare(subject, library, progress, inputs.limits)


def check_files(inputs: Inputs, certificate: Path, progress: Progress | None = None) -> Checked:
    """Check a certificate against two files, see `check_certificate`.

    Raises:
        LayoutError: the certificate cannot be read.
    """
    progress = progress or SilentProgress()
    data = read_bytes(certificate, "a certificate that --certificate wrote", inputs.limits)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LayoutError(
            f"cannot be read: {error}", file=certificate, expected="a certificate that --certificate wrote"
        ) from error
    module, drawing, digests = _read(inputs, progress)
    ports = None
    if inputs.lef is not None:
        ports = read_lef(inputs.lef, inputs.process, inputs.limits)
        digests[inputs.lef.name] = _digest(inputs.lef)
    with progress.stage("checking the certificate"):
        library = Library(inputs.process, inputs.library, inputs.limits)
        return check_certificate(text, module, drawing, library, digests, inputs.limits, ports)


def draw(
    result: LayoutComparison, inputs: Inputs, tell: Callable[[Text], str], progress: Progress | None = None
) -> list[str | None]:
    """A picture of each of the first hundred findings."""
    progress = progress or SilentProgress()
    out: list[str | None] = []
    shown = result.findings[:_MOST_PICTURES]
    if not shown:
        return out
    drawing = read_layout(inputs.layout, inputs.process, inputs.limits)
    pictures = Pictures(drawing, result.top, Library(inputs.process, inputs.library, inputs.limits), tell)
    with progress.stage("drawing"):
        for number, finding in enumerate(shown):
            progress.update("", number, len(shown))
            out.append(pictures.svg(finding))
    return out


def _read(inputs: Inputs, progress: Progress) -> tuple[Module, Drawing, dict[str, str]]:
    with progress.stage("reading the netlist"):
        delivered = read_netlist([inputs.netlist], top=inputs.top, progress=lambda share: progress.update("", share, 1))
        module = flatten(delivered.netlist)
    with progress.stage("reading the drawing"):
        drawing = read_layout(inputs.layout, inputs.process, inputs.limits)
    return module, drawing, {inputs.netlist.name: _digest(inputs.netlist), inputs.layout.name: drawing.sha256}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
