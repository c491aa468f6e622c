"""Labelled histories made by chance from a seed, for measurements and tests alike.

Each row has ``x``, what happened, and ``label``, None or the start and the window of the drift, as
:class:`benchmarks.drift.labelled.Score` counts them.
"""
