"""Commands for the people who operate a stack: `python -m ops --help`."""
