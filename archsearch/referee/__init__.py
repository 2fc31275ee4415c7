"""The referee's statistics: verdicts on fresh pairs that stay true however often, and by whomever, they are asked.

A pair is one fresh replicate of a comparison of two cells on one task; its value is the difference d of their skills. All
here are functions of such values alone: no cell, no task and no store is known. docs/measuring.md, "The referee".
"""
