"""Record files that grow while a run goes on, and that can be read whatever became of the run.

A ``.flow`` file is a header and then frames, all little-endian:

======== =======================================================================================
header   ``b"\\x93NNSFLOW"``, version (u32), length (u32), JSON in UTF-8, CRC-32 of all this
frame    kind (4 bytes), length of the payload (u32), payload, CRC-32 of all this
``ROW``  payload: step (i64), scalars (f64), samples (u8)
``CENS`` payload: step (i64), one code (u8) per unit
``NOTE`` payload: text in UTF-8
``END``  no payload; a file that does not end with it was not closed
======== =======================================================================================

The JSON says what the numbers of a row are. A frame that is cut off or damaged ends what can be
read; what comes before it is whole.
"""

from __future__ import annotations

import contextlib
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from nnscratch.errors import ConfigError
from nnscratch.files import PathLike, open_input

SUFFIX = ".flow"
MAGIC = b"\x93NNSFLOW"
VERSION = 2
ROW, CENSUS, NOTE, END = b"ROW ", b"CENS", b"NOTE", b"END "

HEADER = struct.Struct("<8sII")
FRAME = struct.Struct("<4sI")
STEP = struct.Struct("<q")
CRC = struct.Struct("<I")

NOTE_BYTES = 4096  # the longest note


def is_stream(path: PathLike) -> bool:
    """Return whether `path` is a file that begins as a ``.flow`` file does, of any version."""
    with contextlib.suppress(OSError), open_input(path) as file:
        return file.read(len(MAGIC)) == MAGIC
    return False


def header(facts: Mapping[str, Any]) -> bytes:
    """Return the header that holds `facts`, or raise `ConfigError` if JSON cannot say them."""
    try:
        text = json.dumps(facts, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"a record file's description must be plain JSON: {error}") from error
    content = HEADER.pack(MAGIC, VERSION, len(text)) + text
    return content + CRC.pack(zlib.crc32(content))


def frame(kind: bytes, payload: bytes) -> bytes:
    """Return `payload` as a frame."""
    content = FRAME.pack(kind, len(payload)) + payload
    return content + CRC.pack(zlib.crc32(content))
