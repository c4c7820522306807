"""Objects and evidence: where the bytes lie, and the records that say so.

Vocabulary: *object* is a sequence of bytes under a key, written once and never changed; *store* keeps objects (a
local folder, or S3); *seal* means to store bytes and record their hash (存证); *retention* (保存期限) is how long they
must stay; *legal hold* (冻结) keeps them beyond it; *tombstone* is what stays in the record after the bytes are
deleted: key, hash, times and reason, so that chains of evidence still verify; *orphan* is an object without a
record. Uploads are resumable (断点续传): parts go straight from the browser to the store by signed addresses.
"""
