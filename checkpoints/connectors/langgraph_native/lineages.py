"""A thread's checkpoints as LangGraph relates them."""

from __future__ import annotations

from checkpoints.connectors.langgraph_native.places import Name, Place


class Lineage:
    """The checkpoints of a thread by the ids that LangGraph gave them."""

    def __init__(self) -> None:
        self._records: set[str] = set()
        self._parents: dict[Name, str | None] = {}
        self._saved: dict[str, list[Place]] = {}
        self._followed: set[Name] = set()

    def add(self, place: Place) -> None:
        """Take in a checkpoint that was saved after all that are here."""
        if place.record_id in self._records:
            return
        self._records.add(place.record_id)
        self._parents[place.name] = place.parent
        self._saved.setdefault(place.namespace, []).append(place)
        if place.parent:
            self._followed.add((place.namespace, place.parent))

    def has(self, place: Place) -> bool:
        """Say whether a checkpoint was taken in."""
        return place.record_id in self._records

    def is_followed(self, place: Place) -> bool:
        """Say whether another checkpoint came after this one in its namespace."""
        return place.name in self._followed

    def ancestors(self, namespace: str, checkpoint_id: str | None) -> list[str]:
        """Return a checkpoint's id and those of its ancestors, newest first."""
        found: dict[str, None] = {}
        while checkpoint_id is not None and checkpoint_id not in found:
            found[checkpoint_id] = None
            checkpoint_id = self._parents.get((namespace, checkpoint_id))
        return list(found)

    def newest(self, namespace: str, root: str) -> Place | None:
        """Return a subgraph's newest checkpoint that belongs to a root checkpoint's lineage.

        Where that lineage was cut by a deletion, roots older than what is left count as its own:
        LangGraph's ids sort by time.
        """
        lineage = self.ancestors("", root)
        own, oldest = set(lineage), lineage[-1]
        is_cut = ("", oldest) not in self._parents
        for place in reversed(self._saved.get(namespace, [])):
            if place.root is None or place.root in own or (is_cut and place.root < oldest):
                return place
        return None
