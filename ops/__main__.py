"""`python -m ops`."""

import command_line

if __name__ == "__main__":
    command_line.begin()

    from ops.app import main

    command_line.run(main)
