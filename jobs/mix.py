"""Corpora to a mixture with stated weights, as a Spark job.

    spark-submit jobs/mix.py --weights web=0.8,code=0.2 --source web=corpus/ --source code=code/ --tokens 2B
    --output mix/

The same as `curate mix`: the options are the same, the bytes too. On a cluster --counts and --output must be
folders that every worker sees.
"""

from curate.cli import run
from curate.commands.mix import mix

if __name__ == "__main__":
    run(mix, None, "mix.py")
