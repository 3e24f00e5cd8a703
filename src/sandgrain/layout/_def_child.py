"""The child process of `routed`: source, target, bytes of memory, bytes of output, LEF of the technology.

It writes one JSON list a line: the design, every component, every shape of a net. What the reader warns of is an error
here, because a via or layer it does not know would be left out of the shapes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Of no weight: cells are the drawing's, outlines are not asked for.
_EXPECTED = ("Macro not found in LEF file", "No mapping for purpose 'OUTLINE'")


def main(source: str, target: str, memory: int, written: int, technology: str) -> int:
    """Convert one file; 3 when memory runs out, 1 when the reader refuses it."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    # The reader's warnings go to the process's own streams.
    with tempfile.TemporaryFile() as said:
        ours = os.dup(2)
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        try:
            lines = list(_lines(source, technology))
        except MemoryError:
            return 3
        except RuntimeError as error:
            message = str(error).splitlines()[0] if str(error) else "unknown"
            os.write(ours, message.encode("utf-8", "replace"))
            return 3 if "alloc" in message or "memory" in message.lower() else 1
        said.seek(0)
        for line in said.read().decode("utf-8", "replace").splitlines():
            if line.strip() and not any(words in line for words in _EXPECTED):
                os.write(ours, line.encode("utf-8", "replace"))
                return 1
        os.dup2(ours, 2)
    with Path(target).open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)
    return 0


def _lines(source: str, technology: str) -> Iterator[list[object]]:
    from klayout import db

    options = db.LoadLayoutOptions()
    config = options.lefdef_config
    config.read_lef_with_def = False
    config.lef_files = [technology]
    # Cells are those of the drawing, not of a LEF: a component is a name, a type and a corner.
    config.macro_resolution_mode = 2
    config.net_property_name, config.instance_property_name = "net", "instance"
    config.produce_obstructions = config.produce_cell_outlines = config.produce_blockages = False
    config.produce_placement_blockages = config.produce_regions = False
    layout = db.Layout()
    layout.read(source, options)
    top = layout.top_cell()
    if top is None:
        raise RuntimeError("the file describes no design")
    yield ["design", top.name, layout.dbu]
    for instance in top.each_inst():
        name = instance.property("instance")
        if name is not None:
            trans = instance.trans
            yield ["component", str(name), instance.cell.name, trans.disp.x, trans.disp.y, trans.rot]
    for index in layout.layer_indexes():
        layer, _, purpose = layout.get_info(index).name.partition(".")
        if purpose == "LABEL":
            continue
        for shape in top.begin_shapes_rec(index):
            found = shape.shape()
            if found.is_text():
                continue
            net = found.property("net")
            polygon = found.polygon.transformed(shape.itrans())
            points = [[point.x, point.y] for point in polygon.each_point_hull()]
            yield ["shape", "" if net is None else str(net), layer, points]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
