"""Files: written whole or not at all, listed with checksums, and read from strangers without trusting them.

- `writing`: files and folders that appear whole or not at all; `output`: where they may be written
- `hdf5_image`, `npz`: writers of HDF5 files, which are made in memory, and of archives of arrays
- `manifest`: the table of contents of a folder, with checksums
- `hdf5`: HDF5 files from strangers, read once they are checked
- `hdf5_check`, `hdf5_heaps`: the check of all that is in one, and of its texts
- `archives`, `arrays`: zip archives, and arrays in .npy and .npz files
- `limits`: the memory that a file may take
- `toml`: sections of TOML files as dataclasses
"""
