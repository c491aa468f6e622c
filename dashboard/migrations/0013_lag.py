"""How far a source is behind, and what was last wrong with it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dashboard", "0012_findings")]

    operations = [
        migrations.AddField(
            "source", "scan_remaining", models.PositiveBigIntegerField(blank=True, null=True)
        ),
        migrations.AddField("source", "scan_seconds", models.FloatField(default=0.0)),
        migrations.AddField("source", "recounted_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("source", "last_error", models.TextField(blank=True, default="")),
        migrations.AddField("source", "last_error_at", models.DateTimeField(blank=True, null=True)),
    ]
