"""From an aligned crop to a pivot (projection) and a personalised generator (pivotal tuning)."""
