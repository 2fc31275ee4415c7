"""Recorded speech and handwriting, read from sets that need a licence; RECORDINGS is the table of them.

The sets of Greff et al. (2017): TIMIT, whose frames are classified, and IAM-OnDB, whose lines are transcribed.
"""

from archsearch.studies.recordings.iam import load_iam
from archsearch.studies.recordings.timit import load_timit

RECORDINGS = {"timit": load_timit, "iam_ondb": load_iam}
"""Name -> what reads the set that lies in a folder."""
