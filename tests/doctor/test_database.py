"""The database of a coordinator is looked through, and left as it is."""

from pangea.core.config import NodeConfig, NodeTable, StorageTable
from pangea.doctor.database import database
from pangea.doctor.patient import examined
from pangea.storage import integrity
from pangea.storage.database import Store


async def test_a_database_in_order_is_told_and_nothing_is_left_beside_it(tmp_path):
    place = await a_database(tmp_path)
    before = sorted(place.parent.iterdir())
    (row,) = database(a_coordinator(place.parent))
    assert (row.level, "in order" in row.found) == ("ok", True)
    assert sorted(place.parent.iterdir()) == before


async def test_a_database_in_use_is_looked_at_too(tmp_path):
    store = await Store.open(tmp_path / "pangea.db")
    (row,) = database(a_coordinator(tmp_path))
    assert row.level == "ok"
    await store.close()


async def test_a_database_that_is_damaged_fails_with_the_way_out(tmp_path):
    place = await a_database(tmp_path)
    with place.open("r+b") as file:
        file.seek(4096 * 8)
        file.write(bytes(4096 * 8))
    rows = list(database(a_coordinator(tmp_path)))
    assert {row.level for row in rows} == {"fail"}
    assert "backup" in rows[0].next


async def test_a_database_too_large_to_be_looked_through_is_a_warning(
    tmp_path, monkeypatch
):
    await a_database(tmp_path)
    monkeypatch.setattr(integrity, "_STEPS", 1)
    monkeypatch.setattr("pangea.doctor.database.WITHIN_S", 0.0)
    (row,) = database(a_coordinator(tmp_path))
    assert (row.level, "quick_check" in row.next) == ("warn", True)


async def a_database(place):
    store = await Store.open(place / "pangea.db")
    await store.close()
    return place / "pangea.db"


def a_coordinator(place):
    config = NodeConfig(
        node=NodeTable(role="coordinator"), storage=StorageTable(state_dir=str(place))
    )
    return examined(config, place)
