"""Taking checkpoints into the index, whether an agent pushed them or a scan found them."""

from dashboard.services.ingest.cleaning import UnusableRecord
from dashboard.services.ingest.heads import PushedHead
from dashboard.services.ingest.pulls import ingest_changes
from dashboard.services.ingest.pushes import Push, ingest_push
from dashboard.services.ingest.upserts import ContentConflict, Ingested

__all__ = [
    "ContentConflict",
    "Ingested",
    "Push",
    "PushedHead",
    "UnusableRecord",
    "ingest_changes",
    "ingest_push",
]
