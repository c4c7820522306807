"""REST delivery: FastAPI lives here and in `app.main` only."""
