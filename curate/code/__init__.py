"""Source code: readers of repositories and archives, and the detection of licences."""
