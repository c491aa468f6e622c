"""A thread's checkpoints as LangGraph relates them."""

from __future__ import annotations

from collections.abc import Iterable

from checkpoints.connectors.langgraph_native.places import Place


class Lineage:
    """The checkpoints of a thread by the ids that LangGraph gave them."""

    def __init__(self, places: Iterable[Place]) -> None:
        """Take places in the order in which they were saved."""
        self._parents: dict[tuple[str, str], str | None] = {}
        self._newest: dict[str, list[Place]] = {}
        self._followed: set[tuple[str, str]] = set()
        for place in places:
            self._parents[place.namespace, place.id] = place.parent
            self._newest.setdefault(place.namespace, []).append(place)
            if place.parent:
                self._followed.add((place.namespace, place.parent))

    def is_followed(self, place: Place) -> bool:
        """Say whether another checkpoint came after this one in its namespace."""
        return (place.namespace, place.id) in self._followed

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
        is_cut = ("", lineage[-1]) not in self._parents
        for place in reversed(self._newest.get(namespace, [])):
            if place.root is None or place.root in lineage:
                return place
            if is_cut and place.root < lineage[-1]:
                return place
        return None
