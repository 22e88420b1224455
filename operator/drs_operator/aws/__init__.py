"""AWS behind the ports: sessions, the shared inventory and job board, DRS, and the one call that launches."""
