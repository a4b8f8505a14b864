"""Evaluates rankers: metrics, data splits, baselines, confidence intervals. Imports only `bowerbird.data`."""

from bowerbird.evaluate.evaluator import evaluate
from bowerbird.evaluate.protocols import Split, Task, build_task
from bowerbird.evaluate.results import Comparison, Evaluation, SystemResult

__all__ = ["Comparison", "Evaluation", "Split", "SystemResult", "Task", "build_task", "evaluate"]
