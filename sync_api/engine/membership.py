"""Who may touch a record: the one rule for whoever writes it, settles its conflicts or announces an edit of it.

A record belongs to the project that its field `project_id` names and is its members' alone; one without a project is
the whole tenant's. Who the members are is read elsewhere.
"""

from collections.abc import Collection, Mapping

from sync_api.engine.values import Json

PROJECT = "project_id"
Memberships = Collection[tuple[str, str]]  # (user, project)


def project_of(data: Mapping[str, Json]) -> str | None:
    """The project that a record with these fields belongs to; None: it is the whole tenant's."""
    project = data.get(PROJECT)
    return project if isinstance(project, str) and project else None


def concerned(project: str | None, data: Mapping[str, Json]) -> list[Json]:
    """What names a project here: where the record is, and where these fields would move it."""
    moved = data.get(PROJECT) or None
    if project is None and moved is None:  # by far the most
        return []
    return [one for one in (project, moved) if one is not None]


def permits(members: Memberships, user: str, project: str | None, data: Mapping[str, Json]) -> bool:
    """Whether the user may touch the record where it is and move it to where these fields say. What is no name of a
    project has no members."""
    named = concerned(project, data)
    return not named or all(isinstance(one, str) and (user, one) in members for one in named)
