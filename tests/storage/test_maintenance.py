"""Maintenance and stretches come back from the database as they went in."""

from msgspec.structs import replace

from pangea.core.maintenance import Maintenance, Weekly
from pangea.storage import maintenance, spans
from pangea.storage.spans import DRILL, MAINTENANCE, Span


async def test_a_maintenance_comes_back_and_is_ended_and_removed(store):
    wanted = Maintenance(
        org=1, jobs=(3,), labels={"a": "b"}, weekly=Weekly((0, 6), 10, 20), reason="x"
    )
    first = await store.write(lambda: maintenance.add(wanted))
    second = await store.write(lambda: maintenance.add(wanted))
    assert await store.read(maintenance.all) == [
        replace(wanted, id=first.id),
        replace(wanted, id=second.id),
    ]
    ended = replace(first, ended_us=5)
    await store.write(lambda: maintenance.update(ended))
    await store.write(lambda: maintenance.remove(second.id))
    assert await store.read(maintenance.all) == [ended]


async def test_stretches_are_found_by_the_time_that_they_touch(store):
    kept = [Span(1, MAINTENANCE, 10, 20, "w"), Span(1, DRILL, 30, 90)]

    def write():
        for span in [*kept, Span(2, DRILL, 10, 20)]:
            spans.put(span)
        spans.put(replace(kept[1], until_us=40))

    await store.write(write)
    found = await store.read(lambda: spans.between(1, 0, 100))
    assert found == [kept[0], replace(kept[1], until_us=40)]
    assert await store.read(lambda: spans.between(1, 20, 30)) == []
    assert await store.read(lambda: spans.between(1, 19, 30)) == [kept[0]]
    assert await store.read(lambda: spans.open_at(25)) == [found[1]]
