"""What to show: candidates from sources with reasons, a learned order, outcome probabilities, diversity."""
