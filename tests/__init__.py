"""The tests. A package, because an installed distribution ships a top-level `tests` that would win otherwise."""
