"""The chapter's data: one module a data set, and batching."""
