"""Renders the generated parts of docs/ and README.ja.md: tables and diagrams of what the program registers.

`python -m documents` writes them.
"""
