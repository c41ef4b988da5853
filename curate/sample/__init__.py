"""Parts of the embedded sample crawl: sentences, pages, records, planted cases.

`curate.sample.crawl` puts them together.
"""
