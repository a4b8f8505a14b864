"""The tower before its first step: content, and what one side says of the other."""

from __future__ import annotations

import numpy as np
import torch

from bowerbird.embed.index.rows import unit
from bowerbird.embed.train.tower import Tower, Views


def world(n: int = 400) -> Views:
    """Pictures and texts of things with four hidden traits, each side a noisy linear look at them."""
    rng = np.random.default_rng(0)
    traits = rng.normal(size=(n, 4))
    shown = traits @ rng.normal(size=(4, 12)) + 0.1 * rng.normal(size=(n, 12))
    told = traits @ rng.normal(size=(4, 20)) + 0.1 * rng.normal(size=(n, 20))
    return Views.of(unit(shown), unit(told))


def started(views: Views, dim: int = 8) -> Tower:
    tower = Tower(views.image.shape[1], views.text.shape[1], dim)
    tower.start_from(views)
    return tower


def test_a_text_finds_its_picture_before_anything_was_learnt() -> None:
    views = world()
    tower = started(views.rows(slice(0, 300)))
    fresh = views.rows(slice(300, 400))
    texts, pictures = tower.encode(fresh.shown(0.0, 1.0)), tower.encode(fresh.shown(1.0, 0.0))
    place = (texts @ pictures.T >= (texts * pictures).sum(1)[:, None]).sum(1)
    assert np.median(place) <= 2 and (place <= 10).mean() > 0.9, "chance: 50 and .1"


def test_a_thing_with_both_sides_is_put_by_what_both_say() -> None:
    views = world()
    tower = started(views)
    image, text = views.image - tower.image_mean, views.text - tower.text_mean
    slow = unit((image @ tower.image_base + text @ tower.text_base).numpy())
    np.testing.assert_allclose(tower.encode(views), slow, atol=1e-5)


def test_a_batch_of_mixed_things_is_the_same_as_one_by_one() -> None:
    views = world(30)
    tower = started(views)
    image, text = torch.ones(30, 1), torch.ones(30, 1)
    image[::3], text[1::3] = 0, 0
    mixed = views.shown(image, text)
    alone = np.concatenate([tower.encode(mixed.rows(slice(k, k + 1))) for k in range(30)])
    np.testing.assert_allclose(tower.encode(mixed), alone, atol=1e-5)


def test_nothing_with_both_sides_to_learn_from() -> None:
    views = world(20)
    only = views.shown(torch.tensor([[1.0], [0.0]] * 10), torch.tensor([[0.0], [1.0]] * 10))
    assert np.isfinite(started(only).encode(only)).all()
