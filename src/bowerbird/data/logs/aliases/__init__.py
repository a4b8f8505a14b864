"""Which ids are the same user's: in a store's folder, on Postgres, on Redis."""
