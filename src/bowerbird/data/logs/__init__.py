"""Event logs: in a store's folder, on Postgres, on Redis."""
