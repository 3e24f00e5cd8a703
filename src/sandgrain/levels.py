"""The claim *description matches drawing*: RTL = netlist = layout, link by link."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sandgrain.check.corresponding import Flat, check_correspondence
from sandgrain.check.differing import check_difference
from sandgrain.equivalence import Counterexample, compare_submission
from sandgrain.equivalence.submitted import agreed
from sandgrain.errors import NetworkError
from sandgrain.layout.errors import LibraryError
from sandgrain.layout.files import Inputs, check_files, compare_files, draw
from sandgrain.layout.page import kind_text
from sandgrain.layout.process import load_process
from sandgrain.layout.result import LayoutComparison
from sandgrain.netlist.elaborate import elaborate
from sandgrain.netlist.flatten import flatten
from sandgrain.netlist.link import link
from sandgrain.netlist.open_outputs import with_open_outputs
from sandgrain.netlist.submitted import submitted_design, submitted_netlist
from sandgrain.progress import Progress
from sandgrain.submission import FileRole, Submission
from sandgrain.verdict import (
    Certificate,
    Claim,
    ClaimId,
    Coverage,
    Difference,
    EvidenceFile,
    Figure,
    Finding,
    FindingStatus,
    Text,
    Verdict,
)

RTL_NETLIST, NETLIST_LAYOUT = "rtl-netlist", "netlist-layout"
"""What the two certificates of the claim are about."""
SUBJECTS = (RTL_NETLIST, NETLIST_LAYOUT)
RUN = ".stimulus.json"
"""How the file of a run ends in which RTL and netlist differ."""

_MOST_FINDINGS = 40
_TEXT = "text/plain; charset=utf-8"

Keep = Callable[[bytes, str, str], EvidenceFile]


@dataclass
class _Link:
    """What became of one of the two comparisons."""

    verdict: Verdict = Verdict.OPEN
    figures: list[Figure] = field(default_factory=list)
    assumptions: list[Text] = field(default_factory=list)
    not_covered: list[Text] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)


def can_be_examined(submission: Submission) -> bool:
    """Whether the submission brings two levels of the chip that can be compared."""
    netlist, layout = (bool(submission.files_of(role)) for role in (FileRole.NETLIST, FileRole.LAYOUT))
    return netlist and (layout or bool(submission.files_of(FileRole.RTL)))


def examine(submission: Submission, *, keep: Keep, progress: Progress, seconds: float) -> Claim:
    """Examine the claim: *proved* only where both links are, *refuted* where either is.

    Raises:
        SandgrainError: a file is wrong.
    """
    links = [_description(submission, keep, progress, seconds), _drawing(submission, keep, progress)]
    verdicts = {link.verdict for link in links}
    refuted = Verdict.REFUTED in verdicts
    proved = verdicts == {Verdict.PROVED}
    if refuted:
        summary = Text(template="The description, the netlist and the drawing are not one chip.")
    elif proved:
        summary = Text(template="The description, the netlist and the drawing are one chip: proved, link by link.")
    else:
        summary = Text(template="That the description, the netlist and the drawing are one chip was not shown in full.")
    return Claim(
        id=ClaimId.DESCRIPTION_MATCHES_DRAWING,
        verdict=Verdict.REFUTED if refuted else Verdict.PROVED if proved else Verdict.OPEN,
        summary_text=summary,
        examined=True,
        coverage=Coverage(
            figures=[one for link in links for one in link.figures],
            assumptions=[one for link in links for one in link.assumptions],
            not_covered=[one for link in links for one in link.not_covered],
        ),
        findings=[one for link in links for one in link.findings],
        certificates=[one for link in links for one in link.certificates] if proved else [],
    )


def _description(submission: Submission, keep: Keep, progress: Progress, seconds: float) -> _Link:
    link = _Link()
    try:
        result = compare_submission(submission, progress, budget=seconds)
    except NetworkError as error:
        link.not_covered.append(
            Text(template="RTL and netlist could not be compared: {reason}.", args={"reason": error.what})
        )
        return link
    if result is None:
        link.not_covered.append(Text(template="The submission has no RTL, so its netlist was compared with none."))
        return link
    link.verdict = result.verdict
    link.figures, link.assumptions = list(result.figures), list(result.assumptions)
    link.not_covered = list(result.not_covered)
    if result.certificate is not None and result.checked is not None:
        link.certificates.append(
            Certificate(
                kind="correspondence of registers",
                subject=RTL_NETLIST,
                file=keep(result.certificate, ".correspondence", _TEXT),
                checked_by=f"sandgrain check, {result.checked.solver}",
            )
        )
    if result.counterexample is not None:
        link.findings.append(_unequal(submission, result.counterexample, keep))
    return link


def _unequal(submission: Submission, shown: Counterexample, keep: Keep) -> Finding:
    files = [
        keep(shown.stimulus, RUN, "application/json"),
        keep(shown.vcd, ".vcd", "application/octet-stream"),
    ]
    command = ["sandgrain compare rtl-netlist"]
    for option, role in (("--rtl", FileRole.RTL), ("--netlist", FileRole.NETLIST), ("--cells", FileRole.CELL_LIBRARY)):
        command += [f"{option} {shlex.quote(file.path)}" for file in submission.files_of(role)]
    # As an audit reads them: models of cells may call for a macro that says nothing here.
    command.append("--cells bundled -D UNIT_DELAY=")
    for port, (level, cycles) in agreed(submission).resets.items():
        command.append(f"--reset {shlex.quote(port)}={level}:{cycles}")
    told: dict[str, str | int] = {
        "cycle": shown.clock,
        "description": shown.description,
        "simulators": ", ".join(shown.replayed_by),
    }
    if shown.netlist is None:
        explanation = Text(
            template="In cycle {cycle} of a run from power-up the description has {description} there. In the netlist "
            "it depends on a net that nothing drives, or on a ring of gates that does not come to rest at that value. "
            "{simulators} show it as unknown.",
            args=told,
        )
    elif shown.skipped:
        explanation = Text(
            template="In cycle {cycle} of a run from power-up the description has {description} there and the netlist "
            "{netlist}. {skipped} cycles before it are skipped: in them nothing changes but counters, which the "
            "checker proved of either side. {simulators} show the same, with the counters set.",
            args={**told, "netlist": shown.netlist, "skipped": shown.skipped},
        )
    else:
        explanation = Text(
            template="In cycle {cycle} of a run from power-up the description has {description} there and the netlist "
            "{netlist}. {simulators} show the same.",
            args={**told, "netlist": shown.netlist},
        )
    return Finding(
        id="unequal-1",
        status=FindingStatus.UNDECLARED,
        title=Text(
            template="The netlist does something else than its description at {output}", args={"output": shown.output}
        ),
        explanation=explanation,
        difference=Difference(
            place=_place(shown.output, shown.clock),
            expected=str(shown.description),
            found="x" if shown.netlist is None else str(shown.netlist),
            files=files,
            command=" ".join([*command, f"--top {submission.manifest.chip.top}"]),
            checked_by=f"sandgrain check, {shown.checked_by}" if shown.checked_by else "",
        ),
    )


def _place(output: str, clock: int) -> str:
    return f"{output}, cycle {clock}"


def _inputs(submission: Submission) -> Inputs | Text:
    """The two files to compare, or a sentence why there are none."""
    netlists, layouts = (submission.files_of(role) for role in (FileRole.NETLIST, FileRole.LAYOUT))
    drawn = [file for file in layouts if not file.path.lower().endswith((".lef", ".def"))]
    lef, routed = (
        [submission.root / file.path for file in layouts if file.path.lower().endswith(suffix)]
        for suffix in (".lef", ".def")
    )
    process = submission.manifest.chip.process
    if not drawn:
        return Text(template="The submission has no layout, so its netlist was compared with none.")
    if process is None:
        return Text(template="The manifest does not say which process the layout is drawn in, so it was not read.")
    if len(drawn) != 1 or len(netlists) != 1:
        return Text(template="Several files of a layout or a netlist are not compared.")
    return Inputs(
        submission.root / netlists[0].path,
        submission.root / drawn[0].path,
        load_process(process),
        submission.manifest.chip.top,
        lef=lef[0] if len(lef) == 1 else None,
        routed=routed[0] if len(routed) == 1 else None,
    )


def _drawing(submission: Submission, keep: Keep, progress: Progress) -> _Link:
    link = _Link()
    inputs = _inputs(submission)
    if isinstance(inputs, Text):
        link.not_covered.append(inputs)
        return link
    try:
        result = compare_files(inputs, progress)
    except LibraryError as error:
        link.not_covered.append(
            Text(template="The trusted cells of the process are not at hand: {reason}.", args={"reason": error.what})
        )
        return link
    link.verdict = result.verdict
    link.figures = list(result.counts)
    # What no comparison of these two files can know limits what a proof says; it does not leave the proof open.
    if result.verdict is Verdict.PROVED:
        link.assumptions = list(result.not_covered)
        link.certificates.append(
            Certificate(
                kind="placement of every instance and net",
                subject=NETLIST_LAYOUT,
                file=keep(result.certificate.encode(), ".placement", _TEXT),
                checked_by="sandgrain check, nets extracted again",
            )
        )
    else:
        link.not_covered = list(result.not_covered)
        link.findings = list(_findings(submission, inputs, result, keep, progress))
    link.not_covered += [
        Text(template="On the drawing: {found}", args={"found": str(item.found)})
        for item in result.findings
        if item.status == "open"
    ]
    return link


def _findings(
    submission: Submission, inputs: Inputs, result: LayoutComparison, keep: Keep, progress: Progress
) -> Iterator[Finding]:
    command = f"sandgrain compare netlist-layout --netlist {_at(submission, inputs.netlist)} "
    command += f"--layout {_at(submission, inputs.layout)} --top {result.top} --process {result.process}"
    pictures = draw(result, inputs, str, progress)
    for number, item in enumerate(result.findings[:_MOST_FINDINGS], 1):
        if item.status != "refutes":
            continue
        svg = pictures[number - 1] if number <= len(pictures) else None
        yield Finding(
            id=f"drawing-{number}",
            status=FindingStatus.UNDECLARED,
            title=Text(template="On the drawing: {kind}", args={"kind": str(kind_text(item.kind))}),
            explanation=Text(
                template="Expected there: {expected}. On the drawing: {found}.",
                args={"expected": str(item.expected), "found": str(item.found)},
            ),
            difference=Difference(
                place=", ".join(filter(None, (item.layer, *item.instances[:2], *item.nets[:2]))) or result.top,
                expected=str(item.expected),
                found=str(item.found),
                box=item.box,
                pictures=[] if svg is None else [keep(svg.encode(), ".svg", "image/svg+xml")],
                command=command,
            ),
        )


def _at(submission: Submission, path: Path) -> str:
    return shlex.quote(path.relative_to(submission.root).as_posix())


def recheck_level(subject: str, file: Path, data: bytes, submission: Submission, progress: Progress) -> str:
    """Why a certificate of the claim is not accepted; empty if it is.

    Args:
        subject: which of `SUBJECTS` it should be about.
        file: where it lies.
        data: its bytes.
        submission: both sides.
        progress: told how far it is.
    """
    if subject == NETLIST_LAYOUT:
        inputs = _inputs(submission)
        if isinstance(inputs, Text):
            return str(inputs)
        placed = check_files(inputs, file, progress)
        return "" if placed.accepted else placed.reason or "refused"
    sides = _flat_sides(submission, progress)
    if sides is None:
        return "the submission has no RTL or no netlist"
    checked = check_correspondence(data, *sides, agreed=agreed(submission), progress=progress, file=file)
    return "" if checked.accepted else checked.reason or "refused"


def recheck_difference(difference: Difference, data: bytes, submission: Submission, progress: Progress) -> str:
    """Why a run in which RTL and netlist are said to differ is not accepted; empty if it is.

    Args:
        difference: what the case tells of it.
        data: the run.
        submission: both sides.
        progress: told how far it is.
    """
    sides = _flat_sides(submission, progress)
    if sides is None:
        return "the submission has no RTL or no netlist"
    checked = check_difference(data, *sides, agreed=agreed(submission))
    if not checked.accepted:
        return checked.reason or "refused"
    if difference.place != _place(checked.output, checked.cycle + checked.skipped):
        return "the case tells of another difference than the run"
    return ""


def _flat_sides(submission: Submission, progress: Progress) -> tuple[Flat, Flat] | None:
    """RTL and netlist as the checkers read them; None if there are not both."""
    delivered = submitted_netlist(submission, progress)
    design = submitted_design(submission)
    if delivered is None or not design.sources:
        return None
    netlist, library = delivered
    linked = [link(one, library.cells, library.generic) for one in (elaborate(design).gates, netlist)]
    first, second = (Flat(with_open_outputs(flatten(one)), one.lookup) for one in linked)
    return first, second
