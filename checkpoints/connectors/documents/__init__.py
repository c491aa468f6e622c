"""What connectors to folders of JSON documents share. A connector is built on it in three steps.

1. A ``WritableLayout`` (or a ``Layout``, where nothing can be written) says what the framework's
   files are: which names are checkpoints, what a file holds (``read`` gives ``Saved`` records and
   findings, and raises ``Unreadable`` for a file that is passed over), what the state is in its
   bytes, which parent each has among the others (``linked``), what is wrong between them
   (``among``), and the bytes and name of a copy (``copied``, ``file_name``).
2. A ``DocumentStore`` (``DocumentReading``, where nothing can be written) with that layout says how
   ids are chosen, which thread a fork begins, and what an interrupted save leaves (``eraser``).
3. ``open_url`` and ``recognise`` in the connector's module, and a ``Scheme``.

What is promised for it: no link is followed and nothing but regular files is opened; a file is read
once until it changes, within limits, and its state is not kept; one that is broken stops no other
and is a finding; nothing is written by reading; a copy appears whole or not at all and replaces
nothing; what is taken away lies in the trash, byte for byte, before it is deleted. ``raw`` and
digests are of the stored bytes.
"""

from checkpoints.connectors.documents.catalog import (
    FileContent,
    Layout,
    Saved,
    digest,
    finding,
)
from checkpoints.connectors.documents.copying import Copy, WritableLayout
from checkpoints.connectors.documents.decoding import (
    Unreadable,
    decode_for_rewriting,
    decode_object,
)
from checkpoints.connectors.documents.folder import Entry
from checkpoints.connectors.documents.reading import DocumentReading
from checkpoints.connectors.documents.store import DocumentStore, utc_now

__all__ = [
    "Copy",
    "DocumentReading",
    "DocumentStore",
    "Entry",
    "FileContent",
    "Layout",
    "Saved",
    "Unreadable",
    "WritableLayout",
    "decode_for_rewriting",
    "decode_object",
    "digest",
    "finding",
    "utc_now",
]
