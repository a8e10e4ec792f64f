"""One module a check, each named by its id; ``webhook.lint.catalogue`` lists them."""
