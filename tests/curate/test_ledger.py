from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.corpus.checksums import Content
from curate.errors import BalanceError
from curate.mixing import ledger as mixtures
from curate.run.ledger import check, check_corpus


def entry(kept: int, **verdicts: int) -> dict[str, Any]:
    counts = {name: {"some": verdicts.get(name, 0)} for name in ("skipped", "rejected", "failed")}
    return {"records": kept + sum(verdicts.values()), "kept": kept, **counts}


BALANCED = {
    **entry(5, skipped=1, rejected=2, failed=1),
    "files": {"a": entry(3, rejected=2), "b": entry(2, skipped=1, failed=1)},
}
CONTENT = Content(rows=7, bytes=70, ids=11, texts=13)
CORPUS = {
    "data": [{"rows": 3}, {"rows": 2}],
    "kept": 5,
    "content": {"extracted": CONTENT.to_dict(), "published": CONTENT.to_dict()},
}
MIXTURE = {
    "files": {"a": {"records": 4, "rejected": {"held_out": 1}}},
    "sources": [
        {
            "source": "web",
            "drawn": {"documents": 3, "tokens": 30, "bytes": 99},
            "written": {"rows": 3, "tokens": 30, "bytes": 99},
        }
    ],
    "packed_tokens": 30,
}


def test_what_adds_up_passes():
    check(BALANCED)
    check_corpus(CORPUS)
    mixtures.check(MIXTURE)


@given(
    st.sampled_from(["records", "kept", "skipped", "rejected", "failed"]),
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([-1, 1]),
)
def test_one_record_too_many_or_too_few_anywhere_is_an_error(part, file, by):
    ledger = deepcopy(BALANCED)
    where = ledger["files"][file] if file else ledger
    if part in ("records", "kept"):
        where[part] += by
    else:
        where[part]["some"] += by
    with pytest.raises(BalanceError, match=f"^the ledger does not add up: {file or 'all files'}: "):
        check(ledger)


@pytest.mark.parametrize("by", [-1, 1])
def test_a_row_too_many_or_too_few_in_data_is_an_error(by):
    with pytest.raises(BalanceError, match=f"data/ holds {5 + by} rows, 5 were kept"):
        check_corpus({**CORPUS, "data": [{"rows": 3}, {"rows": 2 + by}]})


@pytest.mark.parametrize("other", [Content(7, 70, 12, 13), Content(6, 70, 11, 13)])
def test_other_documents_than_were_extracted_are_an_error(other):
    with pytest.raises(BalanceError, match="other documents"):
        check_corpus({**CORPUS, "content": {**CORPUS["content"], "published": other.to_dict()}})


@pytest.mark.parametrize("key", ["rows", "tokens", "bytes"])
def test_a_mixture_that_was_not_written_as_planned_is_an_error(key):
    found = deepcopy(MIXTURE)
    found["sources"][0]["written"][key] += 1
    with pytest.raises(BalanceError, match="web: planned"):
        mixtures.check(found)


def test_tokens_that_were_not_packed_and_files_that_gave_too_much_are_errors():
    with pytest.raises(BalanceError, match="29 tokens packed, 30 planned"):
        mixtures.check({**MIXTURE, "packed_tokens": 29})
    with pytest.raises(BalanceError, match="a: 4 records read, more accounted for"):
        mixtures.check({**MIXTURE, "files": {"a": {"records": 4, "rejected": {"held_out": 6, "not_drawn": -2}}}})
