"""The child process of `oasis`: source, target, bytes of memory, bytes of output."""

from __future__ import annotations

import resource
import sys


def main(source: str, target: str, memory: int, written: int) -> int:
    """Convert one file; 3 when memory runs out, 1 when the reader refuses it."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    from klayout import db

    layout = db.Layout()
    try:
        layout.read(source)
        options = db.SaveLayoutOptions()
        options.format = "GDS2"
        layout.write(target, options)
    except MemoryError:
        return 3
    except RuntimeError as error:
        message = str(error).splitlines()[0] if str(error) else "unknown"
        sys.stderr.write(message)
        return 3 if "alloc" in message or "memory" in message.lower() else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
