"""How many threads linear algebra may take while users are served."""

from __future__ import annotations

from functools import lru_cache

from threadpoolctl import threadpool_limits


@lru_cache(maxsize=1)
def use_one_blas_thread() -> None:
    """Let BLAS compute in the calling thread from now on.

    A user's products are small. Split among threads they take longer than in one as soon as anything else
    runs: on two busy cores training the ranker took four times as long (see docs/log.md).
    """
    threadpool_limits(limits=1, user_api="blas")
