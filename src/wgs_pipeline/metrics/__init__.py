"""Quality metrics of one sample, the verdict on it, the cohort's table, concordance with truth."""
