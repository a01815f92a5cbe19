"""Shares of rows and columns: together they are all of them, each once, and whole vectors."""

import itertools

import pytest

from nnscratch_kernels.runtime.shares import column_share, row_share


@pytest.mark.parametrize(("share", "whole"), [(row_share, 4), (column_share, 32)])
@pytest.mark.parametrize("parts", range(1, 9))
def test_shares_follow_each_other_from_the_first_to_the_last(share, whole, parts):
    for size in (0, 1, 3, 4, 31, 32, 33, 100, 1000, 1024):
        shares = [share(size, part, parts) for part in range(parts)]
        assert shares[0][0] == 0
        assert shares[-1][1] == size
        for (_, end), (start, _) in itertools.pairwise(shares):
            assert end == start
            assert end % whole == 0 or end == size
        longest = max(end - start for start, end in shares)
        assert longest <= -(-size // parts) + 2 * whole  # as even as that allows


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_twice_as_many_threads_halve_the_rows_of_each(parts):
    for part in range(parts // 2):
        start, end = row_share(1000, part, parts // 2)
        halves = [row_share(1000, k, parts) for k in range(parts)]
        assert any(one[0] == start for one in halves)
        assert any(one[1] == end for one in halves)
