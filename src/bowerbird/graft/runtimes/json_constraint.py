"""JSON by a schema from any engine: the grammar's allowed next tokens restrict the sampler.

The grammar is llguidance's, an optional dependency. It yields a `TokenConstraint`, so the embedded engines
and vLLM generate valid JSON alike; a token without an alternative costs no step of a vLLM server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bowerbird.errors import BackboneError, InputError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import TokenConstraint


class JsonGrammars:
    """The grammars of JSON schemas over the tokens of one base model."""

    def __init__(self, base: Base) -> None:
        """Read the base's tokens, which takes about a second.

        Raises `BackboneError` if llguidance is not installed or can't read the tokenizer.
        """
        try:
            import llguidance
            import llguidance.hf
        except ImportError as error:
            raise BackboneError(
                "JSON from a grafted model needs llguidance: pip install 'bowerbird[json]', or name an "
                "endpoint in [language_model]"
            ) from error
        self._llguidance = llguidance
        self._end_ids = sorted(base.end_ids)
        vocabulary_size = int(base.embedding_table.shape[0])
        try:
            self._tokenizer = llguidance.hf.from_tokenizer(
                base.tokenizer, n_vocab=max(vocabulary_size, len(base.tokenizer)), eos_token=self._end_ids
            )
        except ValueError as error:
            raise BackboneError(f"llguidance can't read the tokenizer of {base.name}: {error}") from error
        self._compiled: dict[str, str] = {}

    def constrain(self, schema: Mapping[str, Any]) -> TokenConstraint:
        """Constrain one reply to JSON of a schema, without superfluous spaces.

        A constraint follows the reply that it is used for: make a new one for each. Raises `InputError` for a
        schema that is none, or that llguidance does not support.
        """
        key = json.dumps(schema)  # properties are generated in the schema's order
        if key not in self._compiled:
            try:
                self._compiled[key] = self._llguidance.LLMatcher.grammar_from_json_schema(
                    key, overrides={"whitespace_flexible": False}
                )
            except (ValueError, TypeError) as error:
                raise InputError(f"the JSON schema is not supported: {error}") from error
        matcher = self._llguidance.LLMatcher(self._tokenizer, self._compiled[key], log_level=0)
        if matcher.is_error():
            raise InputError(f"the JSON schema is not supported: {matcher.get_error()}")
        return _MatchedReply(matcher, self._end_ids)


class _MatchedReply:
    """The constraint of one reply, which has consumed its first tokens."""

    def __init__(self, matcher: Any, end_ids: Sequence[int]) -> None:
        self._matcher = matcher
        self._end_ids = end_ids
        self._n_consumed = 0

    def __call__(self, generated: list[int]) -> Sequence[int]:
        """The ids that may come after `generated`, which only ever grows; end tokens where it is complete."""
        if len(generated) > self._n_consumed:
            self._matcher.consume_tokens(generated[self._n_consumed :])
            self._n_consumed = len(generated)
        if self._matcher.is_stopped():
            return self._end_ids
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        allowed: list[int] = np.flatnonzero(np.unpackbits(bits, bitorder="little")).tolist()
        return allowed
