"""What people read: the report in the terminal."""
