"""Words, numbers and tables for people: plain text, HTML, and progress."""
