"""The platform on one machine: the program run on a recording engine, and what is done with the recording."""
