"""Which databases are LangGraph's, what may be done there, and what keeps Holdfast from writing."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

import checkpoints
from checkpoints.connectors.langgraph_postgresql import recognise_server
from checkpoints.connectors.langgraph_postgresql import schema as schema_module
from checkpoints.errors import PermanentStoreError, PlanRefused, TransientStoreError
from checkpoints.stores.urls import open_store
from tests.checkpoints.connectors import graphs
from tests.checkpoints.connectors.langgraph_tables import (
    execute,
    now,
    opened,
    restore,
    rows_of,
    saver,
    store_url,
)


@pytest.fixture
def url(postgresql_url: str) -> str:
    """A database with one thread."""
    with saver(postgresql_url) as own:
        graphs.counter(own).invoke({"n": 0, "log": []}, graphs.config("t"))
    return postgresql_url


@pytest.fixture
def role(url: str) -> Iterator[str]:
    """A role that may log in and no more."""
    name = f"holdfast_test_{uuid.uuid4().hex}"
    execute(url, f"CREATE ROLE {name} LOGIN")
    yield name
    execute(url, f"DROP OWNED BY {name}")
    execute(url, f"DROP ROLE {name}")


def as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}").geturl()


def test_a_url_opens_it(url: str) -> None:
    store = open_store(store_url(url).text)
    assert [thread.thread_id for thread in store.threads()] == ["t"]
    store.close()


def test_no_password_is_in_what_a_store_says_of_itself(url: str, role: str) -> None:
    execute(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    text = store_url(as_role(url, f"{role}:never-said")).text
    with contextlib.closing(open_store(text)) as store:
        assert "never-said" not in store.url
        with pytest.raises(checkpoints.CheckpointNotFound) as missing:
            store.get("nowhere")
        assert "never-said" not in str(missing.value)


def test_a_role_that_may_only_read_reads(url: str, role: str) -> None:
    execute(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    store = opened(as_role(url, role))
    history = store.history(None, "t")
    assert len(history) == 8
    assert store.load(history[0])["n"] == 6
    assert store.changes(None).complete
    assert list(store.verify()) == []
    able = store.capabilities
    assert not any((able.restore, able.fork, able.edit, able.prune, able.erase))
    assert "INSERT" in able.reasons["restore"]
    with pytest.raises(PlanRefused, match="INSERT"):
        store.plan_restore(history[2])


def test_a_role_that_may_add_rows_restores_and_forks(url: str, role: str) -> None:
    execute(url, f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {role}")
    store = opened(as_role(url, role))
    able = store.capabilities
    assert (able.restore, able.fork, able.edit) == (True, True, True)
    assert "DELETE" in able.reasons["prune"]
    head = restore(as_role(url, role), "t", store.history(None, "t")[2].id)
    plan = store.plan_fork(
        store.get(head.checkpoint_id),
        thread_id="u",
        edits=[checkpoints.Edit(path=("log",), value=["x"])],
    )
    store.fork(
        plan,
        written_ids=store.choose_fork_ids(plan),
        operation_id="o",
        reason="",
        now=now(),
    )
    assert store.load(store.history(None, "u")[0])["log"] == ["x"]


def test_a_role_that_may_not_read_is_told_so(url: str, role: str) -> None:
    with pytest.raises(PermanentStoreError, match="must not read"):
        opened(as_role(url, role))


def test_tables_with_a_trigger_are_read_but_not_written(url: str) -> None:
    store = opened(url)
    history = store.history(None, "t")
    plan = store.plan_restore(history[2])
    ids = store.choose_ids(plan)
    execute(
        url,
        "CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN DELETE FROM checkpoint_writes; RETURN NEW; END $$",
    )
    execute(
        url, "CREATE TRIGGER spy AFTER INSERT ON checkpoints FOR EACH ROW EXECUTE FUNCTION spy()"
    )
    rows = rows_of(url)
    with pytest.raises(PlanRefused, match="trigger spy"):
        store.restore(plan, written_ids=ids, operation_id="o", reason="", now=now())
    assert rows_of(url) == rows
    again = opened(url)
    assert len(again.history(None, "t")) == len(history)
    assert "trigger spy" in again.capabilities.reasons["fork"]
    with pytest.raises(PlanRefused, match="trigger spy"):
        again.plan_restore(history[2])


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("CREATE RULE quiet AS ON DELETE TO checkpoints DO INSTEAD NOTHING", "rule"),
        ("ALTER TABLE checkpoint_blobs ENABLE ROW LEVEL SECURITY", "row-level policy"),
    ],
)
def test_tables_with_rules_of_their_own_are_not_written(
    url: str, statement: str, what: str
) -> None:
    execute(url, statement)
    assert what in opened(url).capabilities.reasons["restore"]


def test_rows_that_a_policy_hides_are_never_taken_for_all(url: str, role: str) -> None:
    execute(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    execute(url, "ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY")
    with pytest.raises(PermanentStoreError, match="row-level security"):
        list(opened(as_role(url, role)).threads())


def test_tables_of_a_newer_version_are_read_but_not_written(url: str) -> None:
    execute(url, "INSERT INTO checkpoint_migrations VALUES (10)")
    execute(url, "ALTER TABLE checkpoints ADD COLUMN flavour text")
    store = opened(url)
    assert len(store.history(None, "t")) == 8
    assert "version 10" in store.capabilities.reasons["restore"]
    with pytest.raises(PlanRefused, match="version 10"):
        store.plan_fork(store.history(None, "t")[2], thread_id="u")


def test_the_newest_version_of_langgraphs_tables_is_known(url: str) -> None:
    [(newest,)] = execute(url, "SELECT max(v) FROM checkpoint_migrations")
    assert newest == schema_module.KNOWN_VERSION


@pytest.mark.parametrize("statement", ["DROP TABLE", "DELETE FROM"])
def test_tables_whose_version_is_not_noted_are_read_but_not_written(
    url: str, statement: str
) -> None:
    execute(url, f"{statement} checkpoint_migrations")
    store = opened(url)
    assert len(store.history(None, "t")) == 8
    assert "version" in store.capabilities.reasons["restore"]


def test_tables_of_an_older_version_are_read_and_restored(url: str) -> None:
    execute(url, "ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    execute(url, "DELETE FROM checkpoint_migrations WHERE v = 9")
    store = opened(url)
    history = store.history(None, "t")
    assert history[0].written_by == ("work",)
    head = restore(url, "t", history[2].id)
    plan = store.plan_fork(history[2], thread_id="u")
    store.fork(
        plan, written_ids=store.choose_fork_ids(plan), operation_id="o", reason="", now=now()
    )
    with saver(url) as own:
        graph = graphs.counter(own)
        state = graph.get_state(graphs.config("t"))
        assert state.config["configurable"]["checkpoint_id"] == head.checkpoint_id
        for thread_id in ("t", "u"):
            assert graph.invoke(None, graphs.config(thread_id))["n"] == 6


def test_the_tables_are_found_where_langgraph_finds_them_or_where_the_url_says(url: str) -> None:
    execute(url, "CREATE SCHEMA agents")
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations"):
        execute(url, f"ALTER TABLE {table} SET SCHEMA agents")
    with pytest.raises(PermanentStoreError, match="schema"):
        opened(url)
    assert [t.thread_id for t in opened(url, "?schema=agents").threads()] == ["t"]
    name = urlsplit(url).path[1:]
    execute(url, f"ALTER DATABASE {name} SET search_path = agents")
    assert [t.thread_id for t in opened(url).threads()] == ["t"]


def test_an_empty_database_and_other_peoples_tables_are_refused(postgresql_url: str) -> None:
    with pytest.raises(PermanentStoreError, match="no table 'checkpoints'"):
        opened(postgresql_url)
    execute(postgresql_url, "CREATE TABLE checkpoints (id int, thread_id text)")
    with pytest.raises(PermanentStoreError, match="no table 'checkpoints'"):
        opened(postgresql_url)
    assert recognise_server(store_url(postgresql_url)) is None
    assert execute(
        postgresql_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    ) == [(1,)]


def test_the_tables_of_the_shallow_saver_are_refused(url: str) -> None:
    execute(url, "ALTER TABLE checkpoints DROP COLUMN checkpoint_id CASCADE")
    with pytest.raises(PermanentStoreError, match="shallow"):
        opened(url)


def test_a_view_in_place_of_a_table_is_refused(url: str) -> None:
    execute(url, "ALTER TABLE checkpoints RENAME TO kept")
    execute(url, "CREATE VIEW checkpoints AS SELECT * FROM kept")
    with pytest.raises(PermanentStoreError, match="view"):
        opened(url)


def test_langgraphs_tables_are_recognised(url: str) -> None:
    assert recognise_server(store_url(url)) == "its tables are LangGraph's"
    assert recognise_server(store_url(url, "?schema=none")) is None
    assert recognise_server(store_url("postgresql://postgres@127.0.0.1:1/none")) is None


def test_a_server_that_is_not_there_is_a_passing_condition() -> None:
    with pytest.raises(TransientStoreError, match="127.0.0.1:1"):
        opened("postgresql://postgres:secret@127.0.0.1:1/none")


def test_errors_never_show_the_password(url: str) -> None:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    secret = parts._replace(netloc=f"postgres:topsecret@{host}", path="/none_such").geturl()
    with pytest.raises(PermanentStoreError) as refused:
        opened(secret)
    assert "topsecret" not in str(refused.value)


def test_reading_cannot_write(url: str) -> None:
    store = opened(url)
    with (
        pytest.raises(PermanentStoreError, match="read-only"),
        store._database.snapshot() as session,
    ):
        session.execute("DELETE FROM checkpoints")


def test_a_lock_of_another_program_is_a_passing_condition(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkpoints.connectors.langgraph_postgresql.database.LOCK_SECONDS", 0.1)
    store = opened(url)
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TransientStoreError, match="lock"):
            store.history(None, "t")
    assert len(store.history(None, "t")) == 8


def test_nothing_of_a_session_is_left_to_the_next_program(url: str) -> None:
    """Where connections are pooled, the next transaction on one is another program's."""
    store = opened(url)
    assert store.history(None, "t")
    [connection] = store._database._idle
    for name, expected in (("search_path", '"$user", public'), ("statement_timeout", "0")):
        row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
        assert row == (expected,)
    assert connection.execute("SELECT current_setting('transaction_read_only')").fetchone() == (
        "off",
    )


def test_connections_that_were_lost_while_idle_are_made_anew(url: str) -> None:
    store = opened(url)
    assert store.history(None, "t")
    execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'holdfast' AND datname = current_database()",
    )
    assert len(store.history(None, "t")) == 8


def test_a_reading_that_is_given_up_midway_disturbs_no_later_one(url: str) -> None:
    store = opened(url)
    with store._reading() as (rows, _):
        unfinished = rows.checkpoints("TRUE")
        next(unfinished)
    with store._reading() as (rows, _):
        del unfinished
        assert rows.count("t") == 8


@pytest.mark.parametrize("name", ["\0", "\ud800", "' OR 1=1 --", "%s", '"'])
def test_any_name_can_be_asked_for(url: str, name: str) -> None:
    store = opened(url)
    assert store.head(None, name) is None
    for asked in (lambda: store.history(None, name), lambda: store.get(name)):
        with pytest.raises(checkpoints.CheckpointNotFound):
            asked()
