"""Every alarm: what it means (kinds), how one is made (factory), which there are (rates, whole, reputation)."""
