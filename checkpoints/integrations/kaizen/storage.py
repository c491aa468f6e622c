"""The storage that stands where Kaizen's FilesystemStorage stood."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from kaizen.core.autonomy.state import AgentState, CheckpointMetadata

from checkpoints.errors import CheckpointError
from checkpoints.event_loops import in_thread
from checkpoints.integrations.kaizen.keeping import Keeper
from checkpoints.integrations.kaizen.opening import folder_of, keyring, opened
from checkpoints.integrations.kaizen.states import content_of, state_of
from checkpoints.integrations.kaizen.takeover import take_over
from checkpoints.manager.dashboard import reporter_from_environment
from checkpoints.reporting import Reporter
from checkpoints.stores.base import Store


class HoldfastStorage:
    """Keeps the checkpoints of Kaizen's StateManager in a store of Holdfast.

    ``base_dir`` is a folder, as for FilesystemStorage, or the URL of a store, or an opened store.
    A folder gets a file ``holdfast.db``, which takes over what FilesystemStorage left there; its
    files stay as they are. Checkpoints are always compressed, whatever ``compress`` says.
    ``encrypt`` takes ``encryption_key`` as FilesystemStorage does; a store of HOLDFAST_STORE_KEYS
    is encrypted without it.

    ``agent`` names the agent whose states say ``autonomous_agent``, as all of Kaizen's own do: in
    one store it then sees its own checkpoints alone. ``thread`` is the thread to save into. Saves
    are reported to a dashboard when HOLDFAST_DASHBOARD_URL and HOLDFAST_TOKEN are set, or to
    ``reporter``.

    Raises PermanentStoreError for what is not a store that agents save into.
    """

    def __init__(
        self,
        base_dir: Store | str | os.PathLike[str] | None = None,
        compress: bool = True,  # noqa: FBT001, FBT002 - the arguments of FilesystemStorage
        encrypt: bool = False,  # noqa: FBT001, FBT002
        encryption_key: str | bytes | None = None,
        *,
        agent: str | None = None,
        thread: str = "main",
        reporter: Reporter | None = None,
    ) -> None:
        self.base_dir = folder_of(base_dir)
        self.compress = compress
        self.encrypt = encrypt
        keys = keyring(encryption_key) if encrypt else None
        self._keeper = Keeper(
            opened(base_dir, keys),
            agent=agent,
            thread=thread,
            reporter=reporter or reporter_from_environment(),
        )
        if self.base_dir is not None:
            with _told_as_os_errors(f"Failed to take over {self.base_dir}"):
                take_over(self.base_dir, self._keeper)

    @property
    def store(self) -> Store:
        """The store that holds the checkpoints."""
        return self._keeper.store

    async def save(self, state: AgentState) -> str:
        """Keep a state durably and return its checkpoint id.

        Saved again under the same id it takes the place of the first, which stays in the store's
        history. Raises OSError; then nothing was saved.
        """
        with _told_as_os_errors("Failed to save checkpoint"):
            return await in_thread(self._keeper.save, content_of(state))

    async def load(self, checkpoint_id: str) -> AgentState:
        """Return the state. Raises FileNotFoundError, OSError for one that is damaged."""
        with _told_as_os_errors("Failed to load checkpoint"):
            return state_of(await in_thread(self._keeper.load, checkpoint_id))

    async def list_checkpoints(self, agent_id: str | None = None) -> list[CheckpointMetadata]:
        """Return the checkpoints of an agent or of all, newest first.

        What was restored comes first of its agent, dated like the newest. Raises OSError.
        """
        with _told_as_os_errors("Failed to list checkpoints"):
            return await in_thread(self._keeper.listing, agent_id)

    async def delete(self, checkpoint_id: str) -> None:
        """Erase a checkpoint for good.

        Raises FileNotFoundError, PermissionError for one that is pinned, OSError.
        """
        with _told_as_os_errors("Failed to delete checkpoint"):
            await in_thread(self._keeper.delete, checkpoint_id)

    async def exists(self, checkpoint_id: str) -> bool:
        """Say whether there is such a checkpoint. Raises OSError when that cannot be known."""
        with _told_as_os_errors("Failed to look for checkpoint"):
            return await in_thread(self._keeper.exists, checkpoint_id)

    def close(self) -> None:
        """Send what waits for the dashboard, for a moment; let go of files and connections."""
        self._keeper.close()


@contextmanager
def _told_as_os_errors(what: str) -> Iterator[None]:
    """Raise as Kaizen's protocol says: OSError, with our error as its cause."""
    try:
        yield
    except CheckpointError as error:
        raise OSError(f"{what}: {error}") from error
