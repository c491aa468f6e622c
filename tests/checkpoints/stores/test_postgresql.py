"""The PostgreSQL store and what can go wrong around its server."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from checkpoints import (
    CheckpointNotFound,
    CorruptCheckpoint,
    HeadMoved,
    PermanentStoreError,
    PlanRefused,
    TransientStoreError,
    open_store,
)
from checkpoints.bodies.chains import SHORT_GROUP
from checkpoints.bodies.encryption import Keyring
from checkpoints.stores.postgresql import rows as postgresql_rows
from checkpoints.stores.postgresql import server as postgresql_server
from checkpoints.stores.postgresql.errors import explained
from checkpoints.stores.postgresql.rows import QuickSave
from checkpoints.stores.postgresql.store import PostgresqlStore
from checkpoints.stores.postgresql.text import escaped, restored
from checkpoints.stores.sql import removing
from checkpoints.testing import NOON, draft, save_chain

Open = Callable[..., PostgresqlStore]
Sql = Callable[..., list[Any]]
DO_NOTHING = "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = 'holdfast'"
)

WAITING = TERMINATE.replace("pg_terminate_backend(pid)", "pid") + " AND wait_event_type = 'Lock'"
AGAINST_THE_FIRST = SHORT_GROUP + 1
"""The number of the first save of a thread that stands on its first one again."""
TEXT = "".join(secrets.token_hex(4) for _ in range(2_000))


@pytest.fixture
def opened(postgresql_url: str) -> Iterator[Open]:
    """Opens stores over an empty database."""
    stores: list[PostgresqlStore] = []

    def open_one(options: str = "", *, url: str = "", keys: Keyring | None = None) -> Any:
        store = open_store((url or postgresql_url) + options, keys=keys)
        assert isinstance(store, PostgresqlStore)
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def run(postgresql_url: str) -> Iterator[Sql]:
    """Runs SQL beside the stores, as the owner of the database."""
    with psycopg.connect(postgresql_url, autocommit=True) as db:
        db.execute("SET search_path = holdfast")

        def run(sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
            found = db.execute(sql.encode(), values)
            return found.fetchall() if found.description else []

        yield run


@pytest.fixture
def role(postgresql_url: str, run: Sql) -> Iterator[str]:
    """A role that may log in and nothing else, dropped after the test."""
    name = f"holdfast_{secrets.token_hex(8)}"
    run(f"CREATE ROLE {name} LOGIN PASSWORD 'sesame-72'")
    yield name
    run(f"DROP OWNED BY {name}")
    run(f"DROP ROLE {name}")


def _as(url: str, role: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}:sesame-72@{parts.netloc.rpartition('@')[2]}").geturl()


def _state(number: int) -> dict[str, Any]:
    return {"text": TEXT + "." * number}


def _conversation(store: PostgresqlStore, count: int) -> str:
    """Save states of which each stands on one before; return the last one's id."""
    for number in range(1, count + 1):
        parent = f"c{number - 1}" if number > 1 else None
        store.put(draft(number, parent=parent), _state(number), expected_head=parent)
    return f"c{count}"


def test_looking_creates_nothing(opened: Open, run: Sql) -> None:
    store = opened()
    assert list(store.threads()) == []
    assert store.changes(None).checkpoints == ()
    assert store.capabilities.restore
    assert run("SELECT 1 FROM pg_namespace WHERE nspname = 'holdfast'") == []


def test_stores_in_two_schemas_know_nothing_of_each_other(opened: Open) -> None:
    save_chain(opened("?schema=one"), 2)
    save_chain(opened('?schema=Two "2"'), 1)
    assert len(opened("?schema=one").history("agent-1", "main")) == 2
    assert len(opened('?schema=Two "2"').history("agent-1", "main")) == 1


@pytest.mark.parametrize("kind", ["TABLE {} (a integer)", "VIEW {} AS SELECT 1 AS a"])
@pytest.mark.parametrize("name", ["meta", "checkpoints"])
def test_tables_of_another_program_are_left_alone(
    opened: Open, run: Sql, kind: str, name: str
) -> None:
    run("CREATE SCHEMA holdfast")
    run("CREATE " + kind.format(name))
    with pytest.raises(PermanentStoreError, match=f"another program's '{name}'"):
        save_chain(opened(), 1)
    with pytest.raises(PermanentStoreError, match="another program"):
        list(opened().threads())
    assert run("SELECT relname FROM pg_class WHERE relnamespace = 'holdfast'::regnamespace") == [
        (name,)
    ]


@pytest.mark.parametrize(("number", "which"), [("99", "a newer"), ("0", "another")])
def test_another_format_is_refused_and_left_alone(
    opened: Open, run: Sql, number: str, which: str
) -> None:
    save_chain(opened(), 1)
    run("UPDATE meta SET value = %s WHERE key = 'holdfast_format'", (number,))
    with pytest.raises(PermanentStoreError, match=f"format {number}.* {which} version"):
        list(opened().threads())
    with pytest.raises(PermanentStoreError, match="nothing was changed"):
        save_chain(opened(), 1)


@pytest.mark.parametrize(
    "change",
    [
        f"CREATE TRIGGER t BEFORE INSERT ON checkpoints {DO_NOTHING}",
        "CREATE RULE r AS ON INSERT TO events DO INSTEAD NOTHING",
        "ALTER TABLE threads ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE checkpoints ADD more integer",
        "ALTER TABLE pins ALTER reason TYPE varchar",
        "DROP TABLE moves",
        "DROP SEQUENCE positions",
    ],
)
def test_altered_tables_are_refused(opened: Open, run: Sql, change: str) -> None:
    save_chain(opened(), 1)
    run(change)
    with pytest.raises(PermanentStoreError, match="not laid out as a Holdfast store"):
        list(opened().threads())


def test_a_schema_that_vanished_is_noticed(opened: Open, run: Sql) -> None:
    store = opened()
    save_chain(store, 2)
    run("DROP SCHEMA holdfast CASCADE")
    with pytest.raises(PermanentStoreError, match="does not hold the tables"):
        store.head("agent-1", "main")
    with pytest.raises(CheckpointNotFound):
        store.get("c1")


def test_a_database_that_is_not_utf8_is_refused(opened: Open, postgresql_url: str) -> None:
    name = f"holdfast_test_{secrets.token_hex(8)}"
    with psycopg.connect(postgresql_url, autocommit=True) as db:
        db.execute(
            f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0".encode()
        )
        try:
            with pytest.raises(PermanentStoreError, match="LATIN1"):
                save_chain(opened(url=urlsplit(postgresql_url)._replace(path=name).geturl()), 1)
        finally:
            db.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("name", ["nul\0", "\x01", "\x010000", secrets.token_hex(5_000), "é" * 9])
def test_any_name_is_kept_and_found(opened: Open, name: str) -> None:
    save_chain(opened(), 1)
    saved = opened().put(
        draft(1, id=name, agent_id=name, thread_id=name, step_name=name), {}, expected_head=None
    )
    assert opened().get(name, thread_id=name) == saved
    assert opened().history(None, name) == opened().history(name, name) == [saved]
    opened().pin(saved, reason=name, now=NOON)
    assert [pin.reason for pin in opened().pins()] == [name]
    opened().unpin(saved)
    assert opened().pins() == []


def test_names_that_begin_alike_are_kept_apart(opened: Open) -> None:
    store, start = opened(), secrets.token_hex(5_000)
    for end in "ab":
        store.put(draft(1, id=start + end, thread_id=start + end), {"e": end}, expected_head=None)
    assert [store.load(store.get(start + end)) for end in "ab"] == [{"e": "a"}, {"e": "b"}]
    with pytest.raises(CheckpointNotFound):
        store.get(start)


def test_pairs_of_names_that_read_alike_are_two_threads(opened: Open) -> None:
    store = opened()
    store.put(draft(1, agent_id="bc", thread_id="a"), {}, expected_head=None)
    store.put(draft(2, agent_id="c", thread_id="ab"), {}, expected_head=None)
    assert {(t.agent_id, t.thread_id) for t in store.threads()} == {("bc", "a"), ("c", "ab")}


@pytest.mark.parametrize("text", ["", "a", "\0", "\x01", "\x010001", "\ud800\udfff", "\x01\0"])
def test_escaping_is_undone_exactly(text: str) -> None:
    assert restored(escaped(text)) == text
    escaped(text).encode()


def test_a_name_that_is_no_unicode_is_not_found(opened: Open) -> None:
    save_chain(opened(), 1)
    with pytest.raises(CheckpointNotFound):
        opened().get("\ud800")


def test_a_commit_is_durable_even_where_the_database_would_rather_be_fast(
    opened: Open, run: Sql, postgresql_url: str
) -> None:
    name = urlsplit(postgresql_url).path[1:]
    run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with opened()._server.connected() as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    run(f"ALTER DATABASE {name} SET synchronous_commit = remote_write")
    with opened()._server.connected() as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("remote_write",)


def test_a_role_that_may_only_read_reads_and_is_told_so(
    opened: Open, run: Sql, role: str, postgresql_url: str
) -> None:
    save_chain(opened(), 2)
    run(f"GRANT USAGE ON SCHEMA holdfast TO {role}")
    run(f"GRANT SELECT ON ALL TABLES IN SCHEMA holdfast TO {role}")
    run(f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA holdfast TO {role}")
    store = opened(url=_as(postgresql_url, role))
    assert store.load(store.get("c2"))["step"] == 2
    assert len(store.changes(None).checkpoints) == 2
    assert list(store.verify()) == []
    assert not store.capabilities.restore
    assert "may only read" in store.capabilities.reasons["restore"]
    for write in (
        lambda: store.put(draft(3, parent="c2"), {}, expected_head="c2"),
        lambda: store.set_head(store.get("c1"), expected="c2", now=NOON),
    ):
        with pytest.raises(PermanentStoreError, match="forbids this role"):
            write()
    assert len(opened().history("agent-1", "main")) == 2


def test_a_role_that_may_create_nothing_is_told_so(
    opened: Open, role: str, postgresql_url: str
) -> None:
    with pytest.raises(PermanentStoreError, match="forbids this role"):
        save_chain(opened(url=_as(postgresql_url, role)), 1)


def test_a_password_is_nowhere_to_be_seen(opened: Open, role: str, postgresql_url: str) -> None:
    url = _as(postgresql_url, role)
    store = opened(url=url)
    assert "sesame" not in store.url
    said = []
    nobody, nowhere = url.replace(role, "nobody-72"), url.replace(":5432", ":1")
    for wrong in (url, nobody, nowhere, f"{url}?schema="):
        with pytest.raises((PermanentStoreError, TransientStoreError)) as caught:
            save_chain(opened(url=wrong), 1)
        said.append(repr(caught.value))
    assert all("sesame" not in text for text in said)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:sesame-72@host/db?bogus=1",
        "postgresql://me:sesame-72@host/db#part",
        "postgresql://me:sesame-72@host:port/db",
        "postgresql://me:sesame-72@host/db\n",
        "postgresql://me:sesame-72@[::1:5/db",
        "postgresql://me:sesame-72@/db",
        "postgres2://me:sesame-72@host/db",
        "sqlite://me:sesame-72@host/db",
    ],
)
def test_a_url_that_is_not_right_is_named_without_its_password(url: str) -> None:
    with pytest.raises(PermanentStoreError) as caught:
        open_store(url)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda url: url.replace(":5432", ":1"), TransientStoreError),
        (lambda url: url + "_gone", PermanentStoreError),
    ],
)
def test_a_server_that_is_not_there_is_worth_a_retry_and_a_database_is_not(
    opened: Open, postgresql_url: str, change: Callable[[str], str], kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="safe"):
        list(opened(url=change(postgresql_url)).threads())


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("53100", PermanentStoreError),
        ("25006", PermanentStoreError),
        ("58030", PermanentStoreError),
        ("XX001", PermanentStoreError),
        ("53300", TransientStoreError),
        ("57P01", TransientStoreError),
        ("57014", TransientStoreError),
        ("55P03", TransientStoreError),
        ("40001", TransientStoreError),
        ("08006", TransientStoreError),
    ],
)
def test_what_the_server_says_is_told_as_worth_a_retry_or_not(
    state: str, kind: type[Exception]
) -> None:
    error = explained(psycopg.errors.lookup(state)("it said so"), "postgresql://h/db")
    assert type(error).__mro__[:3].count(kind) == 1
    assert "it said so" in str(error)
    assert "nothing was acknowledged" in str(error)


@pytest.mark.parametrize(
    ("rest", "what"),
    [
        ("h:0/db", "from 1 to 65535"),
        ("h:99999/db", "from 1 to 65535"),
        ("h:5432,i:x/db", "from 1 to 65535"),
        ("h/db?sslmode=on", "must be one of disable"),
    ],
)
def test_what_no_server_would_take_is_refused_at_once(rest: str, what: str) -> None:
    with pytest.raises(PermanentStoreError, match=what):
        open_store(f"postgresql://me@{rest}")


def test_a_host_that_has_no_such_name_is_worth_a_look() -> None:
    error = explained(psycopg.OperationalError("failed to resolve host 'h': ..."), "postgresql://h")
    assert isinstance(error, TransientStoreError)
    assert "Check the host's name" in str(error)


def test_a_full_disk_is_named(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened()
    save_chain(store, 1)

    def full(*_: object) -> None:
        raise psycopg.errors.lookup("53100")("could not extend file")

    with monkeypatch.context() as patched:
        patched.setattr(postgresql_rows, "save_quickly", full)
        patched.setattr(postgresql_rows, "hold", full)
        with pytest.raises(PermanentStoreError, match="disk is full"):
            store.put(draft(2, parent="c1"), {}, expected_head="c1")
    store.put(draft(2, parent="c1"), {}, expected_head="c1")


def test_a_lock_that_is_not_let_go_is_worth_a_retry(
    opened: Open, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_server, "LOCK_SECONDS", 1)
    store = opened()
    save_chain(store, 2)
    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT 1 FROM holdfast.threads FOR UPDATE")
        with pytest.raises(TransientStoreError, match="gave up waiting for a lock"):
            store.put(draft(3, parent="c2"), {}, expected_head="c2")
    store.put(draft(3, parent="c2"), {}, expected_head="c2")


def test_a_connection_killed_in_the_middle_of_a_save_is_worth_a_retry(
    opened: Open, run: Sql, postgresql_url: str
) -> None:
    store = opened()
    save_chain(store, 2)
    errors: list[BaseException] = []

    def save() -> None:
        try:
            store.put(draft(3, parent="c2"), {"n": 3}, expected_head="c2")
        except TransientStoreError as error:
            errors.append(error)

    with psycopg.connect(postgresql_url) as other:
        other.execute("SELECT 1 FROM holdfast.threads FOR UPDATE")
        saving = threading.Thread(target=save)
        saving.start()
        while not run(f"{TERMINATE} AND wait_event_type = 'Lock'"):
            pass
        saving.join()
    assert len(errors) == 1
    assert len(opened().history("agent-1", "main")) == 2
    store.put(draft(3, parent="c2"), {"n": 3}, expected_head="c2")
    assert [c.id for c in opened().history("agent-1", "main")] == ["c3", "c2", "c1"]
    assert list(store.verify_deep()) == []


def test_a_save_whose_answer_was_lost_can_be_done_again(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened()
    save_chain(store, 2)
    save = postgresql_rows.save_quickly

    def lost(*given: Any) -> None:
        save(*given)
        raise psycopg.OperationalError("the connection was lost")

    with monkeypatch.context() as patched:
        patched.setattr(postgresql_rows, "save_quickly", lost)
        with pytest.raises(TransientStoreError):
            store.put(draft(3, parent="c2"), {"n": 3}, expected_head="c2")
    again = store.put(draft(3, parent="c2"), {"n": 3}, expected_head="c2")
    assert opened().get("c3") == again
    assert len(store.history("agent-1", "main")) == 3
    store.put(draft(4, parent="c3"), {"n": 4}, expected_head="c3")
    assert list(store.verify_deep()) == []


def test_after_the_server_ended_every_connection_one_call_fails_and_no_more(
    opened: Open, run: Sql
) -> None:
    store = opened()
    save_chain(store, 2)
    with store._server.connected(), store._server.connected():
        pass
    assert len(run(TERMINATE)) >= 2
    with pytest.raises(TransientStoreError, match="connection was lost"):
        store.put(draft(3, parent="c2"), {}, expected_head="c2")
    store.put(draft(3, parent="c2"), {}, expected_head="c2")
    assert len(store.history("agent-1", "main")) == 3


def test_a_forked_process_connects_anew(opened: Open) -> None:
    store = opened()
    save_chain(store, 1)
    child = os.fork()
    if child == 0:
        store.put(draft(2, parent="c1"), {}, expected_head="c1")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert [c.id for c in store.history("agent-1", "main")] == ["c2", "c1"]
    store.put(draft(3, parent="c2"), {}, expected_head="c2")


def test_a_save_goes_on_only_where_the_thread_really_is(opened: Open) -> None:
    mine, other = opened(), opened()
    save_chain(mine, 2)
    other.put(draft(3, parent="c2"), {"n": 3}, expected_head="c2")
    with pytest.raises(HeadMoved) as caught:
        mine.put(draft(4, parent="c2"), {"n": 4}, expected_head="c2")
    assert caught.value.actual == "c3"
    mine.put(draft(4, parent="c3"), {"n": 4}, expected_head="c3")
    assert mine.load(mine.get("c4")) == {"n": 4}


def test_the_same_id_in_another_thread_is_refused(opened: Open) -> None:
    store = opened()
    save_chain(store, 2)
    store.put(draft(8, thread_id="other"), {}, expected_head=None)
    with pytest.raises(PlanRefused, match="another content"):
        store.put(draft(2, thread_id="other", parent="c8"), {}, expected_head="c8")
    assert [c.id for c in store.history("agent-1", "other")] == ["c8"]


def test_what_another_process_swept_is_never_stood_on(opened: Open) -> None:
    mine, other = opened(), opened()
    for number in range(1, 50):
        parent = f"c{number - 1}" if number > 1 else None
        mine.put(draft(number, parent=parent), _state(number), expected_head=parent)
        if parent:
            other.trash({parent: "old"}, now=NOON)
            other.sweep(before=NOON + timedelta(days=1))
    assert [c.id for c in other.history("agent-1", "main")] == ["c49"]
    assert opened().load(opened().get("c49")) == _state(49)
    assert list(opened().verify_deep()) == []


def test_a_save_that_waited_for_a_sweep_stands_on_nothing_that_went(
    opened: Open, run: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other, number = opened(), opened(), AGAINST_THE_FIRST
    parent = _conversation(mine, AGAINST_THE_FIRST - 1)
    other.trash({"c1": "old"}, now=NOON)
    saving = threading.Thread(
        target=mine.put,
        args=(draft(number, id="last", parent=parent), _state(number)),
        kwargs={"expected_head": parent},
    )
    later, prepared = NOON + timedelta(days=1), list[int | None]()
    keep = postgresql_rows.save_quickly

    def noted(db: postgresql_rows.Db, saves: list[QuickSave]) -> dict[QuickSave, int]:
        prepared.extend(save.base for save in saves)
        return keep(db, saves)

    monkeypatch.setattr(postgresql_rows, "save_quickly", noted)
    with other._sessions.writing(alone=False) as db:
        postgresql_rows.note_sweep(db, 1)
        assert removing.delete(db, removing.due(db, later, 1), None) >= 0
        saving.start()
        while not run(WAITING):
            pass
    saving.join()
    assert prepared[0] == 1
    assert run("SELECT base FROM checkpoints WHERE id = 'last'") == [(None,)]
    assert opened().load(opened().get("last")) == _state(number)
    assert list(opened().verify_deep()) == []


def test_damage_is_named_and_shown_and_mended(opened: Open, run: Sql) -> None:
    store = opened()
    save_chain(store, 6)
    store.put(draft(9, thread_id="other"), {"n": 9}, expected_head=None)
    run("UPDATE checkpoints SET frame = '\\x00' || substr(frame, 2) WHERE id = 'c2'")
    run("UPDATE checkpoints SET record = '\\x7b626164' WHERE id = 'c5'")
    run("UPDATE threads SET head = '\\x00', checkpoints = 77 WHERE thread_id = 'main'")
    named = {(f.kind, f.checkpoint_id, f.thread_id) for f in opened().verify()}
    assert {
        ("corrupt_checkpoint", "c2", "main"),
        ("corrupt_checkpoint", "c5", "main"),
        ("damaged_head", None, "main"),
        ("wrong_count", None, "main"),
    } <= named
    assert [c.id for c in opened().history("agent-1", "main") if c.damage] == ["c5"]
    with pytest.raises(CorruptCheckpoint):
        opened().load(opened().get("c2"))
    mended = {finding.checkpoint_id for finding in opened().repair(now=NOON)}
    assert {"c2", "c5"} <= mended
    assert run("SELECT count(*) FROM quarantine") == [(len(mended),)]
    left = opened().rebuild(now=NOON)
    assert left == 7 - len(mended)
    assert list(opened().verify_deep()) == []
    removed = {removal.checkpoint_id for removal in opened().changes(None).removals}
    assert removed == mended


def test_a_thread_that_was_lost_is_listed_again(opened: Open, run: Sql) -> None:
    store = opened()
    save_chain(store, 3)
    run("DELETE FROM threads")
    assert {finding.kind for finding in opened().verify()} == {"lost_thread"}
    assert opened().rebuild(now=NOON) == 3
    (thread,) = opened().threads()
    assert (thread.head_id, thread.checkpoints) == ("c3", 3)
    opened().put(draft(4, parent="c3"), {}, expected_head="c3")


def test_a_save_after_a_repair_stands_on_nothing_that_went(opened: Open, run: Sql) -> None:
    store = opened()
    parent = _conversation(store, 3)
    run("UPDATE checkpoints SET frame = '\\x00' WHERE id = %s", (parent,))
    opened().repair(now=NOON)
    store.put(draft(4, parent=parent), _state(4), expected_head=parent)
    assert run("SELECT base FROM checkpoints WHERE id = 'c4'") == [(None,)]
    assert opened().load(opened().get("c4")) == _state(4)


def test_an_encrypted_store_shows_no_state_and_needs_its_key(opened: Open, run: Sql) -> None:
    keys = Keyring.from_text(f"k1:{Keyring.new_key()}")
    state = {"secret": "in the harbour at noon" * 40}
    opened(keys=keys).put(draft(1), state, expected_head=None)
    ((frame,),) = run("SELECT frame FROM checkpoints")
    assert b"harbour" not in bytes(frame)
    assert opened(keys=keys).load(opened(keys=keys).get("c1")) == state
    for wrong in (None, Keyring.from_text(f"k1:{Keyring.new_key()}")):
        store = opened(keys=wrong)
        with pytest.raises((CorruptCheckpoint, PermanentStoreError)):
            store.load(store.get("c1"))


def test_a_store_restored_onto_another_server_is_listed_anew(opened: Open, run: Sql) -> None:
    store = opened()
    save_chain(store, 2)
    cursor = store.changes(None).cursor
    assert not store.changes(cursor).reset
    identity, _, position = cursor.partition(":")
    elsewhere = f"{identity.rpartition('-')[0]}-999:{position}"
    assert store.changes(elsewhere).reset
    assert len(store.changes(elsewhere).checkpoints) == 2


def test_one_record_of_a_damaged_number_is_shown_as_damaged(opened: Open, run: Sql) -> None:
    store = opened()
    saved = save_chain(store, 1)
    run("UPDATE checkpoints SET record = ''")
    assert store.history("agent-1", "main") == [
        replace(store.get("c1"), damage="its record is damaged: the checksum does not hold")
    ]
    assert saved[0].damage is None


def test_without_its_library_the_store_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from checkpoints import PermanentStoreError, open_store\n"
        "try: open_store('postgresql://host/db')\n"
        "except PermanentStoreError as error: print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said == (
        "a PostgreSQL store needs psycopg; install it with: pip install 'holdfast[postgresql]'\n"
    )
