"""What is wrong with a loop or a network and no norm shows: one file a kind, told in findings.

`first_pass` looks at every module of the first pass, `asking` goes forward again with other
examples, `numbers` and `updates` compare steps. Each is exact, or measured; none is a guess.
"""
