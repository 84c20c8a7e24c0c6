"""Quality of scores by their outcomes: reports, their sums, and changes of the errors."""
