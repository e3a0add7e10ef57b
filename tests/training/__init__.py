"""Tests of the training code; none of them needs torch."""
