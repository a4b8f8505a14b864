"""The connector and its language model as one module that answers questions, and how well it does.

The connector starts from the mean embeddings of the items' captions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from bowerbird.data.arrays import FloatArray
from bowerbird.graft.base import Base
from bowerbird.graft.examples.question_sampler import QuestionSampler
from bowerbird.graft.examples.questions import Question, TaskType
from bowerbird.graft.prompt import insert_soft_tokens, render, stack_soft_vectors

MAX_ANSWER_TOKENS = 32


def mean_caption_embeddings(base: Base, captions: Sequence[str], tokens: int = 1) -> FloatArray:
    """IDF-weighted mean embeddings of each caption's words, (n, tokens, hidden) float32.

    A token t in df(t) of n captions weighs log((1 + n) / df(t)). With several soft tokens per item, each
    covers its share of the caption, in order. Without weights, tokens that all captions share ("colour:",
    commas) dominate the mean, and items are indistinguishable: 8.8 nats per token before training, against
    4.1 with weights.
    """
    caption_ids = [base.tokenize(" " + text)[:MAX_ANSWER_TOKENS] for text in captions]
    document_frequency = Counter(token for ids in caption_ids for token in set(ids))
    embeddings = []
    for ids in caption_ids:
        chunks = [chunk if len(chunk) else np.array(ids) for chunk in np.array_split(np.array(ids), tokens)]
        embeddings.append(
            torch.stack(
                [
                    _weighted_mean(base, chunk.tolist(), document_frequency, len(caption_ids))
                    for chunk in chunks
                ]
            )
        )
    return torch.stack(embeddings).numpy()


def _weighted_mean(base: Base, token_ids: Sequence[int], document_frequency: Counter[int], n: int) -> Tensor:
    weights = torch.tensor([math.log((1 + n) / document_frequency[word]) for word in token_ids])
    mean: Tensor = weights @ base.embed_tokens(token_ids) / weights.sum()
    return mean


class AnswerScores(NamedTuple):
    """Losses and correctness of the answers to a batch of questions."""

    loss: Tensor
    """Mean cross-entropy over all answers' tokens, nats, ()."""
    is_correct: Tensor
    """Whether greedy decoding gives the whole answer, (questions,) bool."""
    per_answer: Tensor
    """Mean cross-entropy of each answer, nats per token, (questions,)."""


class AlignmentModel(nn.Module):
    """The connector and its language model as one module that answers questions.

    One module, so that data-parallel training wraps both.
    """

    def __init__(self, base: Base, connector: nn.Module, model: nn.Module, matrix: FloatArray) -> None:
        """`matrix` (items, dim) are the item vectors; `model` the language model that gradients flow
        through."""
        super().__init__()
        self.base, self.connector, self.model, self.matrix = base, connector, model, matrix

    def forward(self, questions: Sequence[Question], matrix: FloatArray | None = None) -> AnswerScores:
        """Score the model's answers; `matrix` replaces the items' vectors if given."""
        tokens: int = self.connector.tokens  # type: ignore[assignment]
        matrix = self.matrix if matrix is None else matrix
        end_id = sorted(self.base.end_ids)[:1]
        prompts, answers = [], []
        for question in questions:
            answer = self.base.tokenize(question.answer)[:MAX_ANSWER_TOKENS] + end_id
            prompt = render(self.base, question.prompt, len(matrix), matrix.shape[1], tokens)
            prompts.append(prompt.concat(answer[:-1]))
            answers.append(answer)
        vectors, kinds = stack_soft_vectors(
            [soft_item for prompt in prompts for soft_item in prompt.soft_items], matrix
        )
        soft_tokens = self.connector(vectors, kinds).flatten(0, 1).cpu()
        targets = torch.full((len(prompts), max(map(len, prompts))), -100)
        embeddings = torch.zeros(*targets.shape, self.base.hidden)
        n_used = 0
        for number, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            n_soft = len(prompt.soft_items) * tokens
            embeddings[number, : len(prompt)] = insert_soft_tokens(
                self.base, prompt, soft_tokens[n_used : n_used + n_soft]
            )
            targets[number, len(prompt) - len(answer) : len(prompt)] = torch.tensor(answer)
            n_used += n_soft
        return self._score(embeddings, targets)

    def _score(self, embeddings: Tensor, targets: Tensor) -> AnswerScores:
        decoder: Any = self.model
        # Padding is on the right and attention is causal: no answer token attends to it, so no mask is
        # needed.
        weight = next(decoder.parameters())
        embeddings, targets = embeddings.to(weight.device, weight.dtype), targets.to(weight.device)
        states = decoder.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
        is_answer = targets >= 0
        logits = decoder.lm_head(states[is_answer]).float()
        losses = torch.zeros(targets.shape, device=targets.device)
        losses[is_answer] = torch.nn.functional.cross_entropy(logits, targets[is_answer], reduction="none")
        is_correct = torch.ones_like(targets, dtype=torch.bool)
        is_correct[is_answer] = logits.argmax(-1) == targets[is_answer]
        return AnswerScores(
            losses.sum() / is_answer.sum(), is_correct.all(1).cpu(), (losses.sum(1) / is_answer.sum(1)).cpu()
        )


@torch.no_grad()
def evaluate_answers(
    model: AlignmentModel, questions: QuestionSampler, tasks: Sequence[TaskType], seed: int, max_items: int
) -> dict[str, float]:
    """Losses and shares of correct answers on at most `max_items` items, each asked once per task.

    `loss, shuffled vectors` is the loss of descriptions read from other items' vectors.
    """
    items = questions.items[:max_items].tolist()
    shuffled = model.matrix.copy()
    shuffled[items] = model.matrix[items[1:] + items[:1]]
    metrics: dict[str, float] = {}
    for task in tasks:
        rng = np.random.default_rng(seed)
        task_questions = [
            question for item in items if (question := questions.ask(item, task, rng)).task is task
        ]
        if not task_questions:
            continue
        loss, accuracy = _mean_scores(model, task_questions, None)
        metrics[f"{task} loss"] = loss
        if task is TaskType.DESCRIBE:
            metrics["describe loss, shuffled vectors"] = _mean_scores(model, task_questions, shuffled)[0]
        else:
            metrics[f"{task} right"] = accuracy
    return metrics


def _mean_scores(
    model: AlignmentModel, questions: Sequence[Question], matrix: FloatArray | None
) -> tuple[float, float]:
    batches: list[AnswerScores] = [model(questions[i : i + 16], matrix) for i in range(0, len(questions), 16)]
    accuracy = torch.cat([batch.is_correct for batch in batches]).float().mean()
    return float(torch.cat([batch.per_answer for batch in batches]).mean()), float(accuracy)
