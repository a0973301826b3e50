"""Another product by its data file alone: the shop of docs/product.md, in a copy of the project."""
