"""Evidence nobody can repudiate: seals, receipts, a log, proofs, and drawings revealed only as far as needed."""
