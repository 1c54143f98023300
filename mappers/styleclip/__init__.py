"""StyleCLIP (Patashnik et al. 2021): latent mappers, global directions, latent optimisation."""
