"""The administrator's pages, in Flask-Admin: parameters, jobs, health. Closed by default, changed through actions."""
