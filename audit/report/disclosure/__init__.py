"""What may be published: every secret hidden, and as little besides as protects them all."""
