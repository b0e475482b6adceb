"""Pure mapping between the published documents and the canonical integration: values in, values out."""
