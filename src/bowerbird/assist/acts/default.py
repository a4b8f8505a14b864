"""Builds the classifier that comes with the package: `python -m bowerbird.assist.acts.default`.

Of n-grams only, so that it needs no text encoder, and of the wordings only. Run it after a change of the
wordings, the features or the config; a test fails until then.
"""

from __future__ import annotations

import hashlib
import inspect
from importlib import resources
from pathlib import Path

from bowerbird.assist.acts import features, wordings
from bowerbird.assist.acts.classifier import ActClassifierConfig
from bowerbird.assist.acts.training import train_classifier
from bowerbird.assist.acts.wordings import worded_examples
from bowerbird.assist.languages import CODES

DEFAULT_FOLDER = Path(__file__).with_name("default")
FINGERPRINT_FILE = "made_of.txt"


def fingerprint() -> str:
    """A hash of what the default classifier is made of."""
    phrases = (
        resources.files(wordings.__package__).joinpath("phrases", f"{code}.toml").read_text(encoding="utf-8")
        for code in CODES
    )
    content = [repr(ActClassifierConfig()), inspect.getsource(features), *phrases]
    return hashlib.sha256("\0".join(content).encode()).hexdigest()


def build_default() -> None:
    """Train the default classifier, and write it into the package."""
    config = ActClassifierConfig()
    examples = list(worded_examples(config.per_phrase, config.seed))
    DEFAULT_FOLDER.mkdir(exist_ok=True)
    train_classifier(examples, config).save(DEFAULT_FOLDER)
    (DEFAULT_FOLDER / FINGERPRINT_FILE).write_text(fingerprint() + "\n")


if __name__ == "__main__":
    build_default()
