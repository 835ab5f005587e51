"""The lab (实验台): runs, records and reports the lessons, and knows none of them."""
