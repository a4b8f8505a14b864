"""Neural baselines. They need torch, so this folder is imported only when one of them is used."""
