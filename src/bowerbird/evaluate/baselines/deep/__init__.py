"""The baselines that are networks. They need torch, so nothing imports this folder before it is asked for."""
