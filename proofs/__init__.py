"""Conjectures about the post "Optimization Failure": each file one idea, each function one statement.

`relugeom verify` collects them the way pytest collects tests. Read any of them: the decorator states the claim,
the docstring argues it, the body lists the steps that a machine checks.
"""
