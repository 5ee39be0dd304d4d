"""A network and what it does with a sample as one page for a browser."""
