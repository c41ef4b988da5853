"""What reading the opt-outs costs a page, beside reading and extracting it (the job does more: filters, deduplication, writing).

python -m benchmarks.opt_outs CRAWL.warc.gz
"""

import sys
import time
from collections import Counter

from curate.corpus.recipe import load
from curate.read import web
from curate.read.documents import crawl_source


def main(path: str) -> None:
    """Print CPU time of both a page, and what was declared."""
    plain, spent, said = web.declared, [0.0], Counter[str]()

    def timed(*arguments: object) -> list[str]:
        start = time.process_time()
        found = plain(*arguments)  # type: ignore[arg-type]
        spent[0] += time.process_time() - start
        said.update(entry.partition("=")[0] for entry in found)
        return found

    web.declared = timed
    tasks = crawl_source([path], load("c4")).tasks
    for again in (False, True):  # the first time compiles and loads
        spent[0], pages = 0.0, 0
        said.clear()
        start = time.process_time()
        for task in tasks if again else tasks[:1]:
            pages += sum(batch["opt_outs"].is_valid().true_count for batch in web.pages(web.PagesTask(task)))  # type: ignore[arg-type]
        whole = time.process_time() - start
    print(
        f"{pages:,} pages: {whole / pages * 1e3:.2f} ms a page, opt-outs {spent[0] / pages * 1e6:.0f} us of it ({spent[0] / whole:.1%})"
    )
    print(", ".join(f"{entry} {count}" for entry, count in said.most_common()))


if __name__ == "__main__":
    main(sys.argv[1])
