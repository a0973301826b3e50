"""The product whose database this is: what `product.yaml` says, checked like a stack file."""
