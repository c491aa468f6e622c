"""The crash sweep: every operation, on every kind of store, dies, sleeps and is raced everywhere.

``python -m tests.faults.sweep`` plays scenarios one after the other in one process. A scenario is
named by the store, the act and the faults that befall it, such as
``sqlite/prune/crash@31+writer@4``: the worker is killed at the 31st boundary that it comes to, and
an agent saves at the 4th boundary after that. Played again, the name plays the same.
"""
