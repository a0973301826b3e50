"""The generated parts of docs/ and of both READMEs: tables and pictures of what the program registers.

`python -m documents` writes them.
"""
