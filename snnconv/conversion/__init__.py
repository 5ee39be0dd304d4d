"""Keras in: files read, models walked, graphs folded and checked.

- `files`: Keras models from files of any age, read without executing them
- `trace`: the walk through a model, layer by layer
- `convert`: trace, fold, and compare with Keras
- `verify`: simulator, NumPy loop and Keras against each other
- `precision`: the differences that rounding explains
"""
