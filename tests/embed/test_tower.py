"""The tower before its first step: content vectors, and the prediction of a missing modality."""

from __future__ import annotations

import numpy as np
import torch

from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.train.tower import ModalityFeatures, Tower


def make_features(n: int = 400) -> ModalityFeatures:
    """Pictures and texts of items with four latent traits, each a noisy linear function of them."""
    rng = np.random.default_rng(0)
    traits = rng.normal(size=(n, 4))
    image = traits @ rng.normal(size=(4, 12)) + 0.1 * rng.normal(size=(n, 12))
    text = traits @ rng.normal(size=(4, 20)) + 0.1 * rng.normal(size=(n, 20))
    return ModalityFeatures.of(normalize_rows(image), normalize_rows(text))


def initial_tower(features: ModalityFeatures, dim: int = 8) -> Tower:
    tower = Tower(features.image.shape[1], features.text.shape[1], dim)
    tower.initialize_from(features)
    return tower


def test_a_text_finds_its_picture_before_any_training() -> None:
    features = make_features()
    tower = initial_tower(features.take(slice(0, 300)))
    new = features.take(slice(300, 400))
    texts, pictures = tower.encode(new.mask(0.0, 1.0)), tower.encode(new.mask(1.0, 0.0))
    rank = (texts @ pictures.T >= (texts * pictures).sum(1)[:, None]).sum(1)
    assert np.median(rank) <= 2 and (rank <= 10).mean() > 0.9, "chance: 50 and .1"


def test_an_item_with_both_modalities_is_encoded_by_both() -> None:
    features = make_features()
    tower = initial_tower(features)
    image, text = features.image - tower.image_mean, features.text - tower.text_mean
    expected = normalize_rows((image @ tower.image_base + text @ tower.text_base).numpy())
    np.testing.assert_allclose(tower.encode(features), expected, atol=1e-5)


def test_a_mixed_batch_is_the_same_as_one_by_one() -> None:
    features = make_features(30)
    tower = initial_tower(features)
    image, text = torch.ones(30, 1), torch.ones(30, 1)
    image[::3], text[1::3] = 0, 0
    mixed = features.mask(image, text)
    one_by_one = np.concatenate([tower.encode(mixed.take(slice(k, k + 1))) for k in range(30)])
    np.testing.assert_allclose(tower.encode(mixed), one_by_one, atol=1e-5)


def test_no_item_with_both_modalities() -> None:
    features = make_features(20)
    single_modality = features.mask(torch.tensor([[1.0], [0.0]] * 10), torch.tensor([[0.0], [1.0]] * 10))
    assert np.isfinite(initial_tower(single_modality).encode(single_modality)).all()
