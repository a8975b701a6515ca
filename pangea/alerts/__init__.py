"""Ways to reach people: one file per notifier, and what they all share."""
