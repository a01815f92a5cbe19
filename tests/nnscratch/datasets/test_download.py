"""Downloads, without a network: the client is replaced, what is done with its answers is tested."""

from types import SimpleNamespace

import pooch
import pytest
from requests import exceptions

from nnscratch.datasets.download import download_first, fetch
from nnscratch.errors import DataError, FileError


@pytest.fixture
def answers(monkeypatch):
    """A table from address to the bytes or the exception that the client finds there."""
    table = {}

    def call(self, url, output_file, pooch):
        answer = table[url]
        if isinstance(answer, Exception):
            output_file.write(b"half")
            raise answer
        output_file.write(answer)

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", call)
    return table


def accept(content, url):
    if content == b"wrong":
        raise DataError(f"{url} is wrong")


def test_the_first_good_mirror_is_taken(answers):
    answers |= {"a": exceptions.ConnectionError(), "b": b"wrong", "c": b"good", "d": b"unused"}
    assert download_first(["a", "b", "c", "d"], accept) == b"good"


def test_if_none_is_good_every_reason_is_told(answers):
    answers |= {"a": exceptions.ReadTimeout("urllib3 " * 20), "b": b"wrong"}
    with pytest.raises(FileError) as caught:
        download_first(["a", "b"], accept)
    message = str(caught.value)
    assert "a: no answer (ReadTimeout)" in message
    assert "b is wrong" in message
    assert "Check the network" in message
    assert "urllib3" not in message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (exceptions.HTTPError(response=SimpleNamespace(status_code=404)), "answered HTTP 404"),
        (exceptions.SSLError("long"), r"no answer \(SSLError\)"),
        (exceptions.ChunkedEncodingError("long"), r"no answer \(ChunkedEncodingError\)"),
        (exceptions.InvalidURL("long"), r"no answer \(InvalidURL\)"),
        (ConnectionResetError(104, "reset"), r"no answer \(ConnectionResetError\)"),
    ],
)
def test_failures_of_the_network_are_told_in_a_few_words(answers, error, reason):
    answers["address"] = error
    with pytest.raises(FileError, match=f"^address: .*{reason}$") as caught:
        fetch("address")
    assert caught.value.__suppress_context__
