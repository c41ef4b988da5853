"""Attention inside documents, by the fastest kernel that the device has for it.

Without documents and bias PyTorch's own causal kernels do the work.  With documents:
 * on CUDA `varlen_attn` (PyTorch 2.10 on), which takes each document as a sequence of its own and never touches
   the scores between two;
 * elsewhere a mask [B, 1, T, S].
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

varlen_attn: Callable[..., Tensor] | None = None
"""The kernel for rows of documents, once `has_varlen` has found it."""
_CAUSAL = set[str]()
"""Names of its arguments: one was renamed in 2.12."""


@dataclass
class Mask:
    """Who sees whom.  Made once per forward pass and used by every layer."""

    causal: bool
    dense: Tensor | None = None
    """Added to the scores, or True where a place may be seen: [B, 1 or H, T, S]."""
    borders: Tensor | None = None
    """Where documents begin in the B*T tokens, see `borders`."""
    longest: int = 0

    @classmethod
    def of(
        cls,
        query_BT: Tensor | None,
        key_BS: Tensor | None,
        causal: bool,
        bias: Tensor | None = None,
        borders: Tensor | None = None,
    ) -> "Mask":
        """The mask for segments of queries and keys (None: one document) and a bias [1, H, T, S] on the scores.

        With `borders` (see that function) and no bias, the kernel for rows of documents is used.
        """
        if query_BT is None or key_BS is None:
            if bias is None or not causal:
                return cls(causal, bias)
            length = bias.shape[-1]
            return cls(False, bias.masked_fill(~_triangle(length, length, bias.device), float("-inf")))
        if borders is not None and bias is None:
            return cls(causal, None, borders, query_BT.shape[1])
        seen = query_BT[:, None, :, None] == key_BS[:, None, None, :]
        if causal:
            seen = seen & _triangle(query_BT.shape[1], key_BS.shape[1], query_BT.device)
        return cls(False, seen if bias is None else bias.masked_fill(~seen, float("-inf")))


def _triangle(rows: int, columns: int, device: torch.device) -> Tensor:
    return torch.ones(rows, columns, dtype=torch.bool, device=device).tril()


def has_varlen(device: torch.device) -> bool:
    """Whether the kernel for rows of documents can be had (it computes in bf16 only)."""
    return device.type == "cuda" and _load_varlen()


@functools.cache
def _load_varlen() -> bool:
    """Its module loads the compiler, which takes seconds: only where it is asked for."""
    global varlen_attn, _CAUSAL
    try:
        from torch.nn.attention.varlen import varlen_attn as found
    except ImportError:  # before PyTorch 2.10
        return False
    varlen_attn, _CAUSAL = found, set(inspect.signature(found).parameters)
    return True


def borders(segments_BT: NDArray[np.int64], room: int = 0) -> NDArray[np.int32]:
    """Where documents begin in the flattened rows, then B*T until there are `room`: each length is a graph to compile.

    Where more begin than there is room for (or none was given), there is made room for twice as many, a power of two: who
    gives the length of one batch to the next has one length, unless a batch has more than twice the documents of the first.
    """
    first = np.ones(segments_BT.shape, dtype=bool)
    first[:, 1:] = segments_BT[:, 1:] != segments_BT[:, :-1]
    begins = np.flatnonzero(first)
    size = room if len(begins) < room else 1 << (2 * len(begins)).bit_length()
    out = np.full(size, segments_BT.size, dtype=np.int32)
    out[: len(begins)] = begins
    return out


def attend(q_BHTE: Tensor, k_BKSE: Tensor, v_BKSE: Tensor, mask: Mask, scale: float) -> Tensor:
    """[B, H, T, E]; K key-value heads may be shared by H/K query heads each."""
    if mask.borders is not None:
        return _by_documents(q_BHTE, k_BKSE, v_BKSE, mask, scale)
    grouped = q_BHTE.shape[1] != k_BKSE.shape[1]
    dense = mask.dense
    if dense is not None and dense.dtype != torch.bool:
        dense = dense.to(q_BHTE.dtype)
    return F.scaled_dot_product_attention(
        q_BHTE,
        k_BKSE,
        v_BKSE,
        attn_mask=dense,
        is_causal=mask.causal and dense is None,
        scale=scale,
        enable_gqa=grouped,
    )


def _by_documents(q: Tensor, k: Tensor, v: Tensor, mask: Mask, scale: float) -> Tensor:
    batch, heads, length, width = q.shape
    if k.shape[1] != heads:
        k, v = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (k, v))
    q, k, v = (x.transpose(1, 2).reshape(-1, heads, width) for x in (q, k, v))
    assert varlen_attn is not None, "who makes borders asks has_varlen"
    kind: dict[str, object] = {"is_causal": mask.causal}
    if "window_size" in _CAUSAL:
        kind = {"window_size": (-1, 0) if mask.causal else (-1, -1)}
    out = varlen_attn(q, k, v, mask.borders, mask.borders, mask.longest, mask.longest, scale=scale, **kind)
    return out.view(batch, length, heads, width).transpose(1, 2)
