"""Reports: a run as one page that a person reads, and as figures and tables for a paper.

`material` reads a run once. Each section is a file that makes sentences, a chart and a table of it, as plain values of
`content`. What draws them (`interactive` by plotly, `printed` by matplotlib, `page` as HTML, `tables` as CSV and LaTeX)
knows nothing of runs. Modules that need plotly, jinja2 or matplotlib import them at their top, so they are imported by name.
"""
