"""Stand-ins for the provider plugins `aws` and `random`: Pulumi's ResourceProvider protocol over a simulated cloud.

What a property change does is measured data (`resource_types/replacement.json`), names and outputs come from the rows
of `resource_types`. What AWS refuses about order and identity is in `rules`; what a stand-in cannot judge is said
there.
"""
