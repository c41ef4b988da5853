"""Links that people or pages set: out of dumps of Reddit and out of Common Crawl's WAT files, as tables of addresses."""
