"""``prove``: each leg of the loop shows, in the account itself, that it works."""
