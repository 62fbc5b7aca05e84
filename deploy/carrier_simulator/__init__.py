"""A carrier to develop and evaluate against: the EasyPost v2 HTTP API, parcels that move, faults on demand."""
