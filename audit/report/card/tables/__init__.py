"""Tables of a page that stand on their own: adverse impact, several classes, comparisons."""
