"""A network and what it does with samples as one page for a browser.

- `activity`: the part of a run that is shown
- `samples`: the same as data for the page's script
- `page`, `svg`: the page and its pictures; `page.js` and `page.css` are part of it
"""
