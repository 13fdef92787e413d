"""Answers that need no request: to frequently asked questions, and to those that were asked before."""
