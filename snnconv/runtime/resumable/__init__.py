"""Runs over many samples that several processes share, and that go on where they were stopped."""
