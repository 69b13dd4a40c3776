"""Reviews from any source to ids, parts, buckets and padded batches; no Keras."""
