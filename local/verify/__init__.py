"""`make verify`: checks that the running platform is as the program registered it."""
