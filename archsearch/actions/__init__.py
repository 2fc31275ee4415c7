"""What a person asks for: a search, a replay, one cell trained; each is called from Python and from the command line."""
