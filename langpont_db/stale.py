"""Objects that came from a replica are compared with the primary's rows before an UPDATE or DELETE of them.

A replica is behind: what it gave may be older than what the primary has, and an UPDATE computed from it would undo what
was written since. The rows are locked where they are compared, so nothing changes them in between.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, event, inspect, select, tuple_
from sqlalchemy.ext.mutable import MutableBase
from sqlalchemy.orm import InstanceState, Mapper, Session, object_session
from sqlalchemy.orm.base import LoaderCallableStatus
from sqlalchemy.orm.exc import StaleDataError

# The key in an object's `inspect(object).info`; it travels with the object to another session. Its value: copies of
# those loaded values that can be changed in place.
FROM_REPLICA: Final = "langpont_from_replica"
_ROWS: Final = 500
NO_VALUE: Final = LoaderCallableStatus.NO_VALUE


def mark(state: InstanceState[Any]) -> None:
    """Note that an object was loaded from a replica."""
    state.info[FROM_REPLICA] = {}
    _copy(state, state.dict)


def _copy(state: InstanceState[Any], names: Iterable[str]) -> None:
    for name in names:
        value = state.dict.get(name)
        if isinstance(value, MutableBase):
            state.info[FROM_REPLICA][name] = copy.deepcopy(value)


def _check(mapper: Mapper[Any], connection: Connection, target: object) -> None:
    """Events before_update and before_delete of every mapper: check all that this flush will change, at once."""
    if FROM_REPLICA not in inspect(target).info:
        return
    session = object_session(target)
    assert session is not None
    for table, states in _of_flush(session, mapper, target).items():
        for first in range(0, len(states), _ROWS):
            _compare(table, connection, session, states[first : first + _ROWS])


def _of_flush(session: Session, mapper: Mapper[Any], target: object) -> dict[Mapper[Any], list[InstanceState[Any]]]:
    found: dict[Mapper[Any], list[InstanceState[Any]]] = defaultdict(list)
    changed: Iterable[object] = (o for o in session.dirty if session.is_modified(o))
    for one in dict.fromkeys([target, *changed, *session.deleted]):
        state = inspect(one)
        assert state is not None
        if FROM_REPLICA in state.info and state.mapper.base_mapper is mapper.base_mapper:
            if state.mapper.version_id_col is None:
                found[state.mapper].append(state)
            else:
                state.info.pop(FROM_REPLICA)  # SQLAlchemy's own UPDATE ... WHERE version = checks it
    return found


def _compare(
    mapper: Mapper[Any], connection: Connection, session: Session, states: Sequence[InstanceState[Any]]
) -> None:
    """Raises `StaleDataError` if a row is not what was loaded."""
    table = mapper.persist_selectable
    columns = {a.key: a.columns[0] for a in mapper.column_attrs if table.c.contains_column(a.columns[0])}
    key = tuple_(*mapper.primary_key)
    wanted = {state.key[1]: state for state in states if state.key is not None}
    gone = any(state.obj() in session.deleted for state in states)
    rows = connection.execute(
        select(*mapper.primary_key, *columns.values())
        .select_from(table)
        .where(key.in_(sorted(wanted, key=repr)))
        .order_by(*mapper.primary_key)
        .with_for_update(key_share=not gone)
    ).all()
    width = len(mapper.primary_key)
    found = {tuple(row[:width]): dict(zip(columns, row[width:], strict=True)) for row in rows}
    for identity, state in wanted.items():
        row = found.get(tuple(identity))
        if row is None or not _same(state, row, columns):
            raise _stale(mapper, identity, "was deleted" if row is None else "was changed")
        state.info.pop(FROM_REPLICA, None)


def _stale(mapper: Mapper[Any], identity: tuple[Any, ...], what: str) -> StaleDataError:
    name = ", ".join(map(str, identity))
    return StaleDataError(
        f"{mapper.class_.__name__} {name} {what} since a replica gave it: nothing was written. Roll back, read it with "
        f"with_for_update(), which the primary answers, and do it once more."
    )


def _same(state: InstanceState[Any], row: dict[str, Any], columns: dict[str, Any]) -> bool:
    copies = state.info[FROM_REPLICA]
    for key, column in columns.items():
        loaded = state.committed_state.get(key, state.dict.get(key, NO_VALUE))
        loaded = copies.get(key, loaded)
        if loaded is NO_VALUE:
            continue  # not loaded, so nothing depends on it
        if not column.type.compare_values(loaded, row[key]):
            return False
    return True


def _refreshed(target: object, context: Any, names: Iterable[str] | None) -> None:
    """Event refresh of every mapper: the copies are of what was loaded last."""
    state: InstanceState[Any] = inspect(target)
    if getattr(context.session, "reads_replica", False):
        mark(state)
    elif FROM_REPLICA in state.info:
        if names is None or {attribute.key for attribute in state.mapper.column_attrs} <= set(names):
            del state.info[FROM_REPLICA]  # all of it is the primary's now
        else:
            for name in names:
                state.info[FROM_REPLICA].pop(name, None)
            _copy(state, names)


def merged(session: Session, given: object, result: object, *, load: bool) -> None:
    """After a merge of an object that may have come from a replica. Raises `StaleDataError`.

    It writes all of the object's values, so the row that was loaded for it must be the one that the replica gave.
    """
    origin, state = inspect(given), inspect(result)
    if origin is None or state is None or FROM_REPLICA not in origin.info or state is origin:
        return
    if not load:
        state.info[FROM_REPLICA] = origin.info[FROM_REPLICA]
    elif origin.mapper.version_id_col is None:
        columns = {attribute.key: attribute.columns[0] for attribute in state.mapper.column_attrs}
        row = {key: state.committed_state.get(key, state.dict.get(key, NO_VALUE)) for key in columns}
        if not _same(origin, row, columns):
            raise _stale(state.mapper, state.key[1] if state.key else (), "was changed")


event.listen(Mapper, "before_update", _check)
event.listen(Mapper, "before_delete", _check)
event.listen(Mapper, "refresh", _refreshed)
