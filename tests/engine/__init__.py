"""The program on the real Pulumi engine: the unmodified CLI, a file backend, and stand-ins for the provider plugins.

`cli` finds or builds the CLI; `language_host` runs the program for it; `providers` answers as the plugins `aws` and
`random` do; `workplace` is a project of its own with a state, in which tests run commands.
"""
