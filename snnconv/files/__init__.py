"""Files: written whole or not at all, listed with checksums, and read from strangers without trusting them."""
