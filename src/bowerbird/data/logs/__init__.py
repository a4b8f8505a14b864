"""Where an event log can live: a folder, Postgres, Redis."""
