"""The Lambda functions `roles` and `metrics`, each packaged with `connection`. They import nothing else of ours."""
