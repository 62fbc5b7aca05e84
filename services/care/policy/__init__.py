"""Care's policy as data and pure functions: what matters, how fast, who may decide, what is told to whom."""
