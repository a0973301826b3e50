"""The policy pack: each rule by itself, the recorded stacks, and the pack as the Pulumi engine runs it."""
