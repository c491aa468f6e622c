"""Findings are known by a fingerprint, say when they were last seen, and can be gone."""

import hashlib
import json

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_RENAMED = {"content_changed": "digest_mismatch"}


def take_over(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Give each finding its fingerprint; one that two ways of reading showed stays once."""
    findings = apps.get_model("dashboard", "SourceFinding").objects
    seen = set()
    for row in findings.order_by("found_at", "pk").iterator():
        kind = row.kind.removeprefix("verify:")
        row.kind = _RENAMED.get(kind, kind)
        texts = [row.kind, row.message, row.checkpoint_id, row.thread_id]
        row.fingerprint = hashlib.sha256(json.dumps(texts).encode()).hexdigest()
        row.seen_at = row.found_at
        if (row.source_id, row.fingerprint) in seen:
            row.delete()
            continue
        seen.add((row.source_id, row.fingerprint))
        row.save()


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0011_storage_samples")]

    operations = [
        migrations.RemoveConstraint("sourcefinding", "one_row_per_finding"),
        migrations.AddField("sourcefinding", "deep", models.BooleanField(default=False)),
        migrations.AddField(
            "sourcefinding",
            "fingerprint",
            models.CharField(max_length=64, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            "sourcefinding", "gone_at", models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField("sourcefinding", "seen_at", models.DateTimeField(null=True)),
        migrations.RunPython(take_over, migrations.RunPython.noop),
        migrations.AlterField("sourcefinding", "seen_at", models.DateTimeField()),
        migrations.AddIndex(
            "sourcefinding",
            models.Index(fields=["source", "kind", "-found_at", "-id"], name="findings_by_kind"),
        ),
        migrations.AddIndex(
            "sourcefinding",
            models.Index(fields=["source", "checkpoint_id"], name="findings_by_checkpoint"),
        ),
        migrations.AddConstraint(
            "sourcefinding",
            models.UniqueConstraint(fields=["source", "fingerprint"], name="one_row_per_finding"),
        ),
    ]
