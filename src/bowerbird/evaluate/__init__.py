"""Judges anything that ranks: metrics, honest splits, baselines, intervals. Imports only `bowerbird.data`."""

from bowerbird.evaluate.evaluator import Arm, Comparison, Evaluation, evaluate
from bowerbird.evaluate.protocols import Split, Task, task_of

__all__ = ["Arm", "Comparison", "Evaluation", "Split", "Task", "evaluate", "task_of"]
