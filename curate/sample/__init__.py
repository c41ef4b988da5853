"""Parts of the embedded sample crawl: sentences, pages, records, planted cases.

`curate.sample_crawl` puts them together.
"""
