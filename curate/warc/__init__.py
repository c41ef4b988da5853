"""Reading WARC, WET and ARC files: splittable, exact, and undisturbed by damage.

for split in plan_splits(file, 64 << 20):        # here
    for record in read_split(split):             # in a worker
        if record.error: ...                     # damaged, or a page that can't be had: the ledger's `failed`
        elif reason := skip_reason(record): ...  # no page: the ledger's `skipped`
        else: record.body                        # a page
"""

from curate.warc.chain import Limits
from curate.warc.record import DAMAGED, ERRORS, PAGE_TYPES, Record, goes_on, skip_reason

__all__ = [
    "DAMAGED",
    "ERRORS",
    "PAGE_TYPES",
    "Limits",
    "Record",
    "goes_on",
    "skip_reason",
]
