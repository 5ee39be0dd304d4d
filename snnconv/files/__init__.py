"""Files: written whole or not at all, listed with checksums, and read from strangers without trusting them.

- `writing`: files and folders that appear whole or not at all; `output`: where they may be written
- `manifest`: the table of contents of a folder, with checksums
- `hdf5`: HDF5 files from strangers, read once they are checked, and our own, made in memory
- `hdf5_check`, `hdf5_heaps`: the check of all that is in one, and of its texts
- `archives`: zip archives from strangers, and .npz files of our own; `arrays`: arrays in .npy and .npz files
- `limits`: the memory that a file may take
- `toml`: sections of TOML files as dataclasses
"""
