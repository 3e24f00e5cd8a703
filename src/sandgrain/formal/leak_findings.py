"""A leak as a finding: both runs recorded on the whole chip, replayed by other simulators, kept as evidence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import ReplayError
from sandgrain.formal.leak_search import Shown
from sandgrain.formal.pair import MEDIA_TYPE, Pair
from sandgrain.formal.pair_replay import replay_pair
from sandgrain.formal.pair_trace import write_pair_vcd
from sandgrain.formal.source import Located
from sandgrain.formal.trace import MEDIA_TYPE as VCD
from sandgrain.formal.witness import Recording, record, reset_inputs
from sandgrain.progress import Progress
from sandgrain.submission import Submission
from sandgrain.submission.manifest import Source
from sandgrain.verdict import EvidenceFile, Finding, FindingStatus, Leak, RelevantInput, StateBit, Text

_CONTEXT = 8
"""Cycles of recovery stimulus after the first difference that are recorded too."""


class LeakFindings:
    """Makes findings about one source.

    Attributes:
        gaps: why a run that was found is no finding.
    """

    def __init__(
        self,
        submission: Submission,
        located: Located,
        source: Source,
        keep: Callable[[bytes, str, str], EvidenceFile],
        progress: Progress,
    ) -> None:
        self._submission = submission
        self._located = located
        self._source = source
        self._keep = keep
        self._progress = progress
        self.gaps: list[Text] = []

    def finding(self, shown: Shown) -> Finding | None:
        """The finding, once other simulators have reproduced both runs; None when they do not."""
        environment = self._located.environment
        tail = environment.recovery_values(_CONTEXT, len(shown.inputs))
        inputs = np.concatenate((reset_inputs(environment), shown.inputs, tail)).astype(np.uint8)
        runs = [self._record(inputs, values) for values in (shown.first, shown.second)]
        told = self._first_difference(*runs)
        if told is None:
            self.gaps.append(
                Text(
                    template="A run that shows {source} was found, but not in the model of the whole chip.",
                    args={"source": self._source.name},
                )
            )
            return None
        cycle, port, bit = told
        relevant = self._relevant(shown)
        for x_as_zero in (False, True):
            pair = self._pair(runs, cycle, port, bit, relevant, x_as_zero)
            with self._progress.stage("replay"):
                try:
                    results = replay_pair(pair, self._submission)
                except ReplayError as error:
                    self.gaps.append(
                        Text(template="A witness could not be replayed: {reason}", args={"reason": error.what})
                    )
                    return None
            if results and all(result.reproduced for result in results):
                return self._told(shown, pair, relevant)
        self.gaps.append(
            Text(
                template="A run that shows {source} was found, but the simulator on the submitted description did not "
                "reproduce it.",
                args={"source": self._source.name},
            )
        )
        return None

    def _record(self, inputs: NDArray[np.uint8], values: NDArray[np.bool_]) -> Recording:
        secret = self._located.secret
        driven = inputs.copy()
        driven[:, secret.inputs] = values[secret.latches.size :]
        return record(self._located.environment, driven, (secret.latches, values[: secret.latches.size]))

    def _first_difference(self, one: Recording, two: Recording) -> tuple[int, str, int] | None:
        """First cycle of operation in which an output bit differs that no flow excuses, and which."""
        environment = self._located.environment
        literals = {literal: name for name, literal in environment.model.outputs.items()}
        best: tuple[int, str, int] | None = None
        for sink in self._located.sinks:
            apart = one.ports[sink.port][:, sink.bit] != two.ports[sink.port][:, sink.bit]
            for literal in sink.unless:
                if literal == 1:
                    apart = np.zeros_like(apart)
                elif literal > 1:
                    name = literals[literal]
                    apart &= ~((one.outputs[name] == 1) & (two.outputs[name] == 1))
            cycles = np.flatnonzero(apart[environment.reset_cycles :])
            if cycles.size and (best is None or int(cycles[0]) + environment.reset_cycles < best[0]):
                best = int(cycles[0]) + environment.reset_cycles, sink.port, sink.bit
        return best

    def _relevant(self, shown: Shown) -> list[RelevantInput]:
        environment = self._located.environment
        usual = environment.recovery_values(len(shown.inputs))
        found = []
        for cycle, column in zip(*np.nonzero(shown.inputs != usual), strict=True):
            bit = environment.model.inputs[int(column)]
            if bit.port is not None and int(column) not in self._located.secret.inputs:
                value = int(shown.inputs[cycle, column])
                at = int(cycle) + environment.reset_cycles
                found.append(RelevantInput(cycle=at, port=bit.port, bit=bit.bit, value=value))
        return found

    def _pair(
        self,
        runs: list[Recording],
        cycle: int,
        port: str,
        bit: int,
        relevant: list[RelevantInput],
        x_as_zero: bool,
    ) -> Pair:
        manifest = self._submission.manifest
        environment, secret = self._located.environment, self._located.secret
        one, two = runs
        clock = manifest.clocks[0]
        directions = {item.name: item.direction for item in environment.model.ports}
        own = {environment.model.inputs[index].port for index in secret.inputs.tolist()}
        driven = [name for name, direction in directions.items() if direction != "output"]
        first = self._located.names[: secret.latches.size]
        forced = {
            name: (one.states[0, latch : latch + 1].astype(np.uint8), two.states[0, latch : latch + 1].astype(np.uint8))
            for name, latch in zip(first, secret.latches.tolist(), strict=True)
        }
        return Pair.from_arrays(
            top=manifest.chip.top,
            clock=clock.port,
            clock_edge=clock.edge.value,
            reset_cycles=environment.reset_cycles,
            source=self._source.name,
            sink=port,
            bit=bit,
            first_difference=cycle,
            inputs={name: one.ports[name] for name in driven if name not in own},
            outputs={
                name: (one.ports[name], two.ports[name])
                for name, direction in directions.items()
                if direction == "output"
            },
            source_inputs={name: (one.ports[name], two.ports[name]) for name in driven if name in own},
            source_registers=forced,
            excepted=[
                (sink, flow.when) for flow in manifest.flows if flow.source == self._source.name for sink in flow.sinks
            ],
            relevant_inputs=relevant,
            x_as_zero=x_as_zero,
        )

    def _told(self, shown: Shown, pair: Pair, relevant: list[RelevantInput]) -> Finding:
        unlike = np.flatnonzero(shown.first != shown.second).tolist()
        bits = [StateBit(name=self._located.names[index], value=int(shown.first[index])) for index in unlike]
        visible = int(shown.visible.sum())
        args: dict[str, str | int] = {
            "source": self._source.name,
            "sink": f"{pair.sink}[{pair.bit}]",
            "cycle": pair.first_difference,
            "bits": len(relevant),
            "visible": visible,
            "size": self._located.secret.size,
            "spent": shown.cycles,
        }
        if relevant:
            explanation = Text(
                template="After {bits} input bits, {sink} tells two values of {source} apart in cycle {cycle}; "
                "{visible} of its {size} bits show within {spent} cycles. No declared flow allows it.",
                args=args,
            )
        else:
            explanation = Text(
                template="Under the recovery stimulus alone, {sink} tells two values of {source} apart in cycle "
                "{cycle}; {visible} of its {size} bits show within {spent} cycles. No declared flow allows it.",
                args=args,
            )
        return Finding(
            id=f"leak-{self._source.name.lower().replace('_', '-')}",
            status=FindingStatus.UNDECLARED,
            title=Text(template="{source} reaches {sink}", args=args),
            explanation=explanation,
            places=[],
            leak=Leak(
                source=self._source.name,
                sink=pair.sink,
                bit=pair.bit,
                cycles=pair.cycles,
                reset_cycles=pair.reset_cycles,
                first_difference=pair.first_difference,
                source_bits=bits,
                relevant_inputs=relevant,
                leaked_bits=visible or None,
                leaked_in=shown.cycles or None,
                pair=self._keep(pair.to_json_bytes(), ".pair.json", MEDIA_TYPE),
                vcd=self._keep(write_pair_vcd(pair), ".vcd", VCD),
            ),
        )
