"""Remove duplicates from a corpus, as a Spark job.

    spark-submit jobs/dedup.py corpus/ --output deduped/

The same as `curate dedup`: the options are the same, the bytes too. Under spark-submit the session is the cluster's.
"""

from curate.cli import run
from curate.commands.dedup import dedup

if __name__ == "__main__":
    run(dedup, None, "dedup.py")
