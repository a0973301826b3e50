"""A change of a stack, carried out on servers of this machine while clients write and read."""
