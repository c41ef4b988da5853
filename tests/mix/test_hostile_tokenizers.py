"""tokenizer.json of strangers: refused in a sentence, whatever the library makes of them."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from curate.errors import InputError
from curate.tokens import tokenizer
from train_probe import tokenizer as probe
from train_probe.errors import ProbeError

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
SOUND: dict[str, Any] = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": BYTE_LEVEL,
    "post_processor": None, "decoder": BYTE_LEVEL,
    "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
              "fuse_unk": False, "byte_fallback": False, "vocab": {"<|endoftext|>": 0, "a": 1}, "merges": []},
}  # fmt: skip
ONE_TO_MANY = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 10_000}
DOUBLING = {"type": "Sequence", "normalizers": [{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}] * 20}
BETWEEN = {"type": "Sequence", "normalizers": [{"type": "Replace", "pattern": {"Regex": "x*"}, "content": "y"}] * 20}


def changed(**parts: Any) -> dict[str, Any]:
    made = copy.deepcopy(SOUND)
    made["model"].update(parts.pop("model", {}))
    return made | parts


HOSTILE = {
    "empty": changed(model={"vocab": {}}),
    "huge id": changed(model={"vocab": {"<|endoftext|>": 4_294_967_295, "a": 1}}),
    "grows": changed(normalizer=ONE_TO_MANY),
    "doubles": changed(normalizer=DOUBLING),
    "between": changed(normalizer=BETWEEN),
    "panics": changed(normalizer={"type": "Precompiled", "precompiled_charsmap": "AAAA"}),
    "no unknown word": SOUND | {"model": {"type": "WordLevel", "vocab": {"</s>": 0}, "unk_token": "x"}},
    "no unknown piece": SOUND
    | {"model": {"type": "Unigram", "unk_id": None, "vocab": [["</s>", -1.0]], "byte_fallback": False}},
}
DASHES = {"type": "Replace", "pattern": {"Regex": "\\p{Pd}"}, "content": "-"}
LLAMA = [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]
SPACES = [{"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]


@pytest.mark.parametrize("name", list(HOSTILE))
def test_what_a_stranger_s_tokenizer_may_hold(name: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(HOSTILE[name]))
    with pytest.raises(InputError, match="tokenizer"):
        tokenizer.find(str(path))
    with pytest.raises(ProbeError, match="tokenizer"):
        probe.load(path)


@pytest.mark.parametrize("steps", [[], LLAMA, SPACES, [DASHES] * 30])
def test_normalizers_as_they_are_published(steps: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(changed(normalizer={"type": "Sequence", "normalizers": steps} if steps else None)))
    assert tokenizer.find(str(path)).vocabulary == 2
    assert probe.load(path).size == 2
