"""Append-only record files (``.flow``): see `nnscratch.flow.stream.format` for what is in them."""

from nnscratch.flow.stream.format import SUFFIX, is_stream
from nnscratch.flow.stream.reader import Stream, left_out, read_stream
from nnscratch.flow.stream.writer import Lost, StreamWriter

__all__ = ["SUFFIX", "Lost", "Stream", "StreamWriter", "is_stream", "left_out", "read_stream"]
