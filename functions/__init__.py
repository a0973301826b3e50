"""Code that runs in Lambda: `roles` and `metrics`, each with `database` beside it. They import nothing else of ours."""
