"""Projects with roles; sources and tokens belong to one; the audit log becomes a chain."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor as Editor
from django.utils import timezone

import dashboard.models.access
from dashboard.chains import GENESIS, Link, digest

EVENTS, TRIGGER = 'dashboard_auditevent', 'audit_events_stay'
REFUSAL = 'audit events are only ever appended'
SQLITE = [
    f"CREATE TRIGGER {TRIGGER}_{act.lower()} BEFORE {act} ON {EVENTS} "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
    for act in ('UPDATE', 'DELETE')
]
SQLITE_BACK = [f'DROP TRIGGER {TRIGGER}_{act}' for act in ('update', 'delete')]
POSTGRESQL = [
    (
        f"CREATE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    ),
    (
        f"CREATE TRIGGER {TRIGGER} BEFORE UPDATE OR DELETE OR TRUNCATE ON {EVENTS} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {TRIGGER}()"
    ),
]
POSTGRESQL_BACK = [f'DROP TRIGGER {TRIGGER} ON {EVENTS}', f'DROP FUNCTION {TRIGGER}()']


def make_default_project(apps: Apps, _: Editor) -> None:
    apps.get_model('dashboard', 'Project').objects.create(
        slug=dashboard.models.access.DEFAULT_PROJECT, name='Default', created_at=timezone.now()
    )


def keep_what_people_may_do(apps: Apps, _: Editor) -> None:
    """Until now every active person operated, and staff administered."""
    project = apps.get_model('dashboard', 'Project').objects.get()
    membership = apps.get_model('dashboard', 'Membership')
    for user in apps.get_model('dashboard', 'User').objects.all():
        role = 'admin' if user.is_staff or user.is_superuser else 'operator'
        membership.objects.create(project=project, user=user, role=role)


def chain_events(apps: Apps, _: Editor) -> None:
    event_model = apps.get_model('dashboard', 'AuditEvent')
    count, previous = 0, GENESIS
    for event in event_model.objects.order_by('pk').iterator():
        count += 1
        link = Link(
            sequence=count, at=event.at, user=event.user_id, actor=event.actor,
            action=event.action, target=event.target, project=None, details=event.details,
            previous=previous,
        )
        found = digest(link)
        event_model.objects.filter(pk=event.pk).update(
            sequence=count, previous=previous, hash=found
        )
        previous = found
    apps.get_model('dashboard', 'AuditHead').objects.create(pk=1, count=count, hash=previous)


def protect(_: Apps, schema_editor: Editor) -> None:
    _execute(schema_editor, SQLITE, POSTGRESQL)


def release(_: Apps, schema_editor: Editor) -> None:
    _execute(schema_editor, SQLITE_BACK, POSTGRESQL_BACK)


def _execute(schema_editor: Editor, sqlite: list[str], postgresql: list[str]) -> None:
    for statement in sqlite if schema_editor.connection.vendor == 'sqlite' else postgresql:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0002_reports'),
    ]

    operations = [
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('requires_approval', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
            ],
        ),
        migrations.RunPython(make_default_project, migrations.RunPython.noop),
        migrations.AddField(
            model_name='source',
            name='project',
            field=models.ForeignKey(default=dashboard.models.access.default_project, on_delete=django.db.models.deletion.PROTECT, related_name='sources', to='dashboard.project'),
        ),
        migrations.AlterField(
            model_name='source',
            name='url',
            field=models.TextField(),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.UniqueConstraint(fields=('project', 'url'), name='one_source_per_project'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.UniqueConstraint(condition=models.Q(('connected', True)), fields=('url',), name='connected_in_one_project'),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='project',
            field=models.ForeignKey(default=dashboard.models.access.default_project, on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='dashboard.project'),
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('viewer', 'Viewer'), ('operator', 'Operator'), ('admin', 'Administrator')], max_length=10)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='dashboard.project')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'user'), name='one_role_per_project')],
            },
        ),
        migrations.CreateModel(
            name='AuditHead',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('count', models.PositiveBigIntegerField(default=0)),
                ('hash', models.CharField(max_length=64)),
            ],
        ),
        migrations.AddField(
            model_name='auditevent',
            name='project',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='dashboard.project'),
        ),
        migrations.AddField(
            model_name='auditevent',
            name='sequence',
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='auditevent',
            name='previous',
            field=models.CharField(default='', max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='auditevent',
            name='hash',
            field=models.CharField(default='', max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(chain_events, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='auditevent',
            name='sequence',
            field=models.PositiveBigIntegerField(unique=True),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['project', '-sequence'], name='audit_by_project'),
        ),
        migrations.RunPython(keep_what_people_may_do, migrations.RunPython.noop),
        migrations.RunPython(protect, release),
    ]
