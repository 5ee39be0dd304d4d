"""Files: written whole or not at all, listed with checksums, and read from strangers without trusting them.

- `writing`: files and folders that appear whole or not at all; `output`: where they may be written
- `hdf5_image`, `npz`: writers of HDF5 files, which are made in memory, and of archives of arrays
- `manifest`: the table of contents of a folder, with checksums
- `hdf5`, `hdf5_heaps`: HDF5 files whose claims are checked before memory is taken
- `toml`: sections of TOML files as dataclasses
"""
