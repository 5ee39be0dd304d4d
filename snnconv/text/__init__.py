"""Words, numbers and tables for people.

- `plain`: numbers, shapes and ranges in words; paragraphs, labels and names in lines of 80 columns
- `table`: rows under headings, as lines of 80 columns or as HTML, and reports: titled sections of them
- `terminal`: the same tables as rich draws them, between bold headings
- `progress`: a bar with the time left
- `advice`: arguments in messages, as Python or as the command line writes them
- `picture`: histograms and rasters as SVG
- `values`: values as JSON can hold them
"""
