"""Repositories to a corpus of code under licences that permit it, as a Spark job.

    spark-submit jobs/code_clean.py --input 'repos/*' --output code/

The same as `curate code`: the options are the same, the bytes too. Under spark-submit the session is the cluster's.
"""

from curate.cli import run
from curate.commands.code import code

if __name__ == "__main__":
    run(code, None, "code_clean.py")
