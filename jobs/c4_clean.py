"""Common Crawl to a clean corpus, as a Spark job.

    spark-submit jobs/c4_clean.py --input 'crawl/*.warc.gz' --output corpus/

The same as `curate clean`: the options are the same, the bytes too. Under spark-submit the session is the cluster's.
"""

from curate.cli import run
from curate.commands.clean import clean

if __name__ == "__main__":
    run(clean, None, "c4_clean.py")
