"""Pivotal Tuning Inversion: photograph in, personalised generator out. No UI, no network access."""
