"""What is measured: rates, comparisons of rates, named criteria, statistics of dataset bias."""
