"""The generated parts of docs/ and of README.ja.md: tables and pictures of what the program registers.

`python -m documents` writes them.
"""
