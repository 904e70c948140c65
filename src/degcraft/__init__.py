"""Craft training degradation distributions for real-world super-resolution.

The library is what the method *is*: degradation spaces, feature moments, the Fréchet distance, the convex solver, and
the stages that turn photos into pairs, models and tables. It knows nothing of Snakemake; the workflow's scripts call
it.
"""
