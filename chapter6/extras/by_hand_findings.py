def claims(r): return []
def tables(r): return []
def figures(r): return {}
