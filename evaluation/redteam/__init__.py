"""What people who know the guard did to get past it, and to make it stop honest work; a file a round."""
