"""Runs over many samples that several processes share, and that go on where they were stopped.

- `simulation`: what decides the numbers of a run, and where they are written
- `run`: the run, by one process or by several
- `parts`: its finished parts, in a folder beside its output
- `stretches`: which samples are done, and who runs the others
- `account`: rates and right answers, added up over the parts
"""
