"""Which papers are for whom, and why: queries, the index, and one subscriber's digest. Pure throughout.

fields     what of a paper can be searched, and under which name
query      the language of topics and of the search box (docs/queries.md)
words      plain words, which are no query: which of them say what is looked for
vocabulary the collection's own words: typing mistakes and acronyms
search     a search over all papers: candidates, then one ranking
interests  how well papers fit plain words, and how well is well enough
lexical    one batch of papers against many queries: rows, scores, reasons
fts        the same query for SQLite's full-text index
tsearch    and for PostgreSQL's
popularity how popular a paper is
ranking    what a letter is ordered by: the weights of all that counts
near_copies which papers say much the same
compose    the matches of one subscriber, laid out as a digest
"""
