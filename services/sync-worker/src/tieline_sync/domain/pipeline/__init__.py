"""The endpoint pipeline, stage by stage, as values: parameters in, request out; answer in, result out.

`docs/endpoint-pipeline.md` tells what each stage does. What a tenant has written as a schema, an expression or a
template is evaluated by the modules here, but only ever in a process of its own with limits
(`adapters.providers.sandbox`).
"""
