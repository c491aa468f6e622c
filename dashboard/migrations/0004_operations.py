"""Operations of every kind, drafts, approval, and the books of the trash."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def name_undos(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Give undos their kind, and operations the agents of their threads."""
    operations = apps.get_model("dashboard", "Operation").objects
    operations.filter(undo_of__isnull=False).update(kind="undo")
    threads = apps.get_model("dashboard", "Thread").objects.filter(pk=models.OuterRef("thread"))
    operations.update(agent=models.Subquery(threads.values("agent")[:1]))


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0003_projects'),
    ]

    operations = [
        migrations.CreateModel(
            name='TrashedBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('checkpoint_ids', models.JSONField(default=list)),
                ('stored_bytes', models.PositiveBigIntegerField(default=0)),
                ('trashed_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('due_seen_at', models.DateTimeField(blank=True, null=True)),
                ('purged_at', models.DateTimeField(blank=True, null=True)),
                ('returned_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name='operation',
            name='agent',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='operations', to='dashboard.agent'),
        ),
        migrations.AddField(
            model_name='operation',
            name='approval_required',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='operation',
            name='approved_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='operation',
            name='approved_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='operation',
            name='expires_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='operation',
            name='seen_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='operation',
            name='seen_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='operation',
            name='state_before_undo',
            field=models.CharField(blank=True, default='', max_length=20),
        ),
        migrations.AddField(
            model_name='operationstep',
            name='begun_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='operationstep',
            name='failure',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='operationstep',
            name='result',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='operationstep',
            name='thread',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='dashboard.thread'),
        ),
        migrations.AlterField(
            model_name='operation',
            name='kind',
            field=models.CharField(choices=[('restore', 'Restore'), ('fork', 'Fork'), ('edit_fork', 'Edit and fork'), ('prune', 'Prune'), ('verify', 'Verify'), ('erase', 'Erase'), ('undo', 'Undo'), ('sweep', 'Sweep')], max_length=20),
        ),
        migrations.AlterField(
            model_name='operation',
            name='reason',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AlterField(
            model_name='operation',
            name='requested_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='operations', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='operation',
            name='state',
            field=models.CharField(choices=[('draft', 'Draft'), ('pending_approval', 'Waits for approval'), ('queued', 'Queued'), ('running', 'Running'), ('succeeded', 'Succeeded'), ('superseded', 'Superseded'), ('partial', 'Done in part'), ('failed', 'Failed'), ('refused_stale', 'Refused: the store has changed'), ('cancelled', 'Cancelled'), ('needs_attention', 'Needs attention'), ('undoing', 'Being undone'), ('undone', 'Undone')], default='queued', max_length=20),
        ),
        migrations.AlterField(
            model_name='operation',
            name='target_id',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AlterField(
            model_name='operation',
            name='thread',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='operations', to='dashboard.thread'),
        ),
        migrations.RunPython(name_undos, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), models.Q(('approved_by', models.F('requested_by')), _negated=True), _connector='OR'), name='approved_by_a_second_person'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.CheckConstraint(condition=models.Q(('approval_required', False), ('approved_by__isnull', False), ('state__in', ['draft', 'pending_approval', 'cancelled']), _connector='OR'), name='nothing_runs_unapproved'),
        ),
        migrations.AddConstraint(
            model_name='operation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), _negated=True), ('state', 'draft'), _connector='OR'), name='a_reason_unless_a_draft'),
        ),
        migrations.AddField(
            model_name='trashedbatch',
            name='operation',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='batches', to='dashboard.operation'),
        ),
        migrations.AddField(
            model_name='trashedbatch',
            name='thread',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='batches', to='dashboard.thread'),
        ),
        migrations.AddIndex(
            model_name='trashedbatch',
            index=models.Index(condition=models.Q(('purged_at__isnull', True), ('returned_at__isnull', True)), fields=['due_at'], name='batches_in_trash'),
        ),
        migrations.AddConstraint(
            model_name='trashedbatch',
            constraint=models.UniqueConstraint(fields=('operation', 'thread'), name='one_batch_per_thread'),
        ),
        migrations.AddConstraint(
            model_name='trashedbatch',
            constraint=models.CheckConstraint(condition=models.Q(('purged_at__isnull', True), ('returned_at__isnull', True), _connector='OR'), name='purged_or_returned'),
        ),
    ]
