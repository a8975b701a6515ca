"""A real database, fresh for each test, on both engines."""

from tests.engines import place, places, postgres, spread, store

__all__ = ["place", "places", "postgres", "store"]

pytest_generate_tests = spread
