"""Decide which papers a subscriber receives, and why: queries, the index, and the digest. Everything here is pure.

fields      the searchable fields of a paper and their names
query       the query language of topics and of the search box (docs/queries.md)
words       plain words, that is, text without query operators
vocabulary  the collection's own words, for typing mistakes and acronyms
search      a search over all papers: find candidates, then rank them
relevance   how relevant papers are to plain words
expansion   interests, moved toward the papers that fit them best
scale       which relevance is high enough for a match
lexical     a batch of papers against many queries: rows, scores, reasons
fts         the same query for SQLite's full-text index
tsearch     the same query for PostgreSQL's full-text search
popularity  how popular a paper is
ranking     the weights that determine the order of papers in a letter
taste       what a subscriber likes, learned from feedback
near_copies papers that say much the same
compose     arranges one subscriber's matches as a digest
"""
