"""A real database, fresh for each test, on both engines."""

from tests.engines import place, places, postgres, quick, spread, store

__all__ = ["place", "places", "postgres", "quick", "store"]

pytest_generate_tests = spread
